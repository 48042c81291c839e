"""usage: run.py <folder of the assembly> [<template of cdk bootstrap>]

Creates the synthesised stack in moto, looks at what came of it, and plants six faults, each of which must be found.
The last line is the sum: "N passed, N failed".
"""
import copy
import json
import os
import sys

os.environ.update(AWS_ACCESS_KEY_ID='of-the-test', AWS_SECRET_ACCESS_KEY='of-the-test', AWS_DEFAULT_REGION='us-east-1')

from moto import mock_aws  # noqa: E402

from stack import Problem, Stack  # noqa: E402

#: Types of resources that moto has no API for, or none that takes what we ask: they are checked by the rules of test/cdk alone.
MOST_SKIPPED = 7


def described(stack):
    """The one service, its task definition, and the load balancer in front of it, as AWS's APIs show them."""
    ecs, elb = stack.client('ecs'), stack.client('elbv2')
    [cluster] = ecs.list_clusters()['clusterArns']
    [service] = ecs.describe_services(cluster=cluster, services=ecs.list_services(cluster=cluster)['serviceArns'])['services']
    definition = ecs.describe_task_definition(taskDefinition=service['taskDefinition'])['taskDefinition']
    [balancer] = elb.describe_load_balancers()['LoadBalancers']
    return service, definition, balancer


def allows(group, direction, other, port):
    for rule in group[direction]:
        peers = [pair['GroupId'] for pair in rule.get('UserIdGroupPairs', [])]
        if rule['IpProtocol'] == '-1' and rule.get('IpRanges'):
            return True
        if other in peers and rule.get('FromPort', 0) <= port <= rule.get('ToPort', 65535):
            return True
    return False


def paths(stack):
    service, definition, balancer = described(stack)
    groups = {one['GroupId']: one for one in stack.client('ec2').describe_security_groups()['SecurityGroups']}
    [front] = balancer['SecurityGroups']
    [tasks] = service['networkConfiguration']['awsvpcConfiguration']['securityGroups']
    for mapping in definition['containerDefinitions'][0]['portMappings']:
        port = mapping['containerPort']
        if not allows(groups[front], 'IpPermissionsEgress', tasks, port):
            yield f'the load balancer may not speak to tasks on port {port}'
        if not allows(groups[tasks], 'IpPermissions', front, port):
            yield f'tasks do not admit the load balancer on port {port}'


def routes(stack):
    service, _, _ = described(stack)
    tables = stack.client('ec2').describe_route_tables()['RouteTables']
    for subnet in service['networkConfiguration']['awsvpcConfiguration']['subnets']:
        own = [table for table in tables if any(one.get('SubnetId') == subnet for one in table['Associations'])]
        targets = [one for table in own for one in table['Routes'] if one.get('DestinationCidrBlock') == '0.0.0.0/0']
        if not any(one.get('GatewayId', '').startswith('igw-') or one.get('NatGatewayId') for one in targets):
            yield f'tasks in {subnet} have no way to the internet, from where they get their image'


def statements(stack, role_arn):
    iam, name = stack.client('iam'), role_arn.split('/')[-1]
    for policy in iam.list_role_policies(RoleName=name)['PolicyNames']:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)['PolicyDocument']
        yield from document['Statement']


def may(stack, role_arn, action, resource):
    listed = lambda value: value if isinstance(value, list) else [value]
    return any(
        action in listed(one['Action']) and any(given == '*' or resource.startswith(given.rstrip('*')) for given in listed(one['Resource']))
        for one in statements(stack, role_arn)
    )


def rights(stack):
    _, definition, _ = described(stack)
    [container] = definition['containerDefinitions']
    for secret in container['secrets']:
        arn = ':'.join(secret['valueFrom'].split(':')[:7])
        if not may(stack, definition['executionRoleArn'], 'secretsmanager:GetSecretValue', arn):
            yield f"the execution role may not read {secret['name']}"
    for function in stack.client('lambda').list_functions()['Functions']:
        arn = function.get('Environment', {}).get('Variables', {}).get('REDIS_SECRET_ARN')
        if arn and not may(stack, function['Role'], 'secretsmanager:GetSecretValue', arn):
            yield f"{function['FunctionName']} may not read the secret of its environment"


def logs(stack):
    _, definition, _ = described(stack)
    there = {one['logGroupName'] for one in stack.client('logs').describe_log_groups()['logGroups']}
    options = definition['containerDefinitions'][0]['logConfiguration']['options']
    if options['awslogs-group'] not in there:
        yield f"the container logs to {options['awslogs-group']}, which is not there"


def aliases(stack):
    functions, api = stack.client('lambda'), stack.client('apigatewayv2')
    live = set()
    for function in functions.list_functions()['Functions']:
        name = function['FunctionName']
        versions = {one['Version'] for one in functions.list_versions_by_function(FunctionName=name)['Versions']}
        for alias in functions.list_aliases(FunctionName=name)['Aliases']:
            live.add(alias['AliasArn'])
            if alias['FunctionVersion'] not in versions:
                yield f"the alias of {name} is of version {alias['FunctionVersion']}, which is not there"
    [one] = api.get_apis()['Items']
    for integration in api.get_integrations(ApiId=one['ApiId'])['Items']:
        if integration['IntegrationUri'] not in live:
            yield f"a route leads to {integration['IntegrationUri']}, which is no alias"


def ports(stack):
    service, definition, balancer = described(stack)
    mapped = {one['containerPort'] for one in definition['containerDefinitions'][0]['portMappings']}
    elb = stack.client('elbv2')
    for listener in elb.describe_listeners(LoadBalancerArn=balancer['LoadBalancerArn'])['Listeners']:
        targets = [one['TargetGroupArn'] for one in listener['DefaultActions'] if one['Type'] == 'forward']
        if not set(targets) & {one['targetGroupArn'] for one in service['loadBalancers']}:
            yield f"the listener on {listener['Port']} leads past the service"
        for group in elb.describe_target_groups(TargetGroupArns=targets)['TargetGroups']:
            for port in (group['Port'], int(group['HealthCheckPort'])):
                if port not in mapped:
                    yield f'the load balancer speaks to port {port}, which the container does not have'


CHECKS = (paths, routes, rights, logs, aliases, ports)


def findings(template):
    """What stops the creation, or is wrong with what was created."""
    with mock_aws():
        try:
            stack = Stack(template).create()
        except Problem as problem:
            return [str(problem)], None
        return [found for check in CHECKS for found in check(stack)], stack


def of(template, kind, part=''):
    return [(name, one) for name, one in template['Resources'].items() if one['Type'] == kind and part in name]


def drop(template, kind, keep=lambda one: False):
    for name, one in of(template, kind):
        if not keep(one):
            del template['Resources'][name]


def no_path(template):
    drop(template, 'AWS::EC2::SecurityGroupEgress', lambda one: one['Properties'].get('FromPort') != 8125)


def no_route(template):
    for name, _ in of(template, 'AWS::EC2::Route'):
        del template['Resources'][name]
        for one in template['Resources'].values():
            if name in one.get('DependsOn', []):
                one['DependsOn'].remove(name)


def no_right(template):
    for _, one in of(template, 'AWS::IAM::Policy', 'ExecutionRole'):
        document = one['Properties']['PolicyDocument']
        document['Statement'] = [s for s in document['Statement'] if 'secretsmanager' not in json.dumps(s)]


def another_log_group(template):
    [(_, task)] = of(template, 'AWS::ECS::TaskDefinition')
    task['Properties']['ContainerDefinitions'][0]['LogConfiguration']['Options']['awslogs-group'] = 'gateway'


def past_the_canary(template):
    functions = [name for name, one in of(template, 'AWS::Lambda::Function') if 'HttpApi' in name]
    [(_, integration), *_] = of(template, 'AWS::ApiGatewayV2::Integration')
    integration['Properties']['IntegrationUri'] = {'Fn::GetAtt': [functions[0], 'Arn']}


def circle(template):
    [(service, _)] = of(template, 'AWS::ECS::Service')
    [(_, alarm), *_] = of(template, 'AWS::CloudWatch::Alarm', 'UnhealthyTargets')
    alarm['DependsOn'] = [service]


FAULTS = {
    'a path that the security groups do not open': no_path,
    'tasks without a route': no_route,
    'an execution role that may not read the secret': no_right,
    'a log group that is not there': another_log_group,
    'a route that passes the alias by': past_the_canary,
    'an alarm that waits for the service that waits for it': circle,
}


def bootstrap(path):
    """The template of `cdk bootstrap`, by moto's own CloudFormation."""
    import boto3

    with mock_aws():
        cloudformation = boto3.client('cloudformation', region_name='us-east-1')
        with open(path) as file:
            cloudformation.create_stack(
                StackName='CDKToolkit', TemplateBody=file.read(), Capabilities=['CAPABILITY_NAMED_IAM'])
        [stack] = cloudformation.describe_stacks(StackName='CDKToolkit')['Stacks']
        return [] if stack['StackStatus'] == 'CREATE_COMPLETE' else [stack['StackStatus']]


def main():
    folder = sys.argv[1]
    passed = failed = 0

    def judge(name, is_well, detail):
        nonlocal passed, failed
        print(f"{'ok  ' if is_well else 'FAIL'} {name}: {detail}")
        passed, failed = (passed + 1, failed) if is_well else (passed, failed + 1)

    if len(sys.argv) > 2:
        found = bootstrap(sys.argv[2])
        judge('cdk bootstrap', not found, found or 'created')
    for file in sorted(name for name in os.listdir(folder) if name.endswith('.template.json')):
        with open(os.path.join(folder, file)) as text:
            template = json.load(text)
        found, stack = findings(template)
        if stack is None:
            judge(file, False, found)
            continue
        skipped = sum(stack.skipped.values())
        judge(file, not found, found or f'{len(stack.ids) - sum(stack.skipped.values())} of {len(stack.ids)} created, {len(CHECKS)} checks')
        judge(f'{file}, left out', len(stack.skipped) <= MOST_SKIPPED, stack.skipped)
        for name, plant in FAULTS.items():
            planted = copy.deepcopy(template)
            plant(planted)
            found, _ = findings(planted)
            judge(f'planted: {name}', planted != template and bool(found), found[:1] or 'not found')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


sys.exit(main())
