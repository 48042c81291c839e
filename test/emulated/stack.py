"""Creates the resources of a synthesised template in moto, in the order that CloudFormation would, through the APIs of AWS.

What CloudFormation itself would refuse is refused here: a reference to nothing, a circle, a name that an API does not know.
"""
import io
import json
import re
import zipfile

import boto3
from botocore.exceptions import BotoCoreError, ClientError

REGION = 'us-east-1'
ACCOUNT = '123456789012'
PSEUDO = {
    'AWS::Region': REGION, 'AWS::AccountId': ACCOUNT, 'AWS::Partition': 'aws', 'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': 'FrontTcp', 'AWS::NoValue': None, 'AWS::StackId': f'arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/FrontTcp/1',
}
INTRINSICS = {'Ref', 'Fn::GetAtt', 'Fn::Join', 'Fn::Sub', 'Fn::Select', 'Fn::GetAZs', 'Fn::Split', 'Fn::If', 'Fn::ImportValue'}


class Problem(Exception):
    """What a deployment would stop at."""


def references(value, names):
    """Logical ids that a value needs, with what it wants of each."""
    if isinstance(value, list):
        for one in value:
            yield from references(one, names)
    elif isinstance(value, dict):
        if len(value) == 1 and 'Ref' in value and value['Ref'] not in PSEUDO:
            yield value['Ref']
        elif len(value) == 1 and 'Fn::GetAtt' in value:
            target = value['Fn::GetAtt']
            yield target[0] if isinstance(target, list) else target.split('.')[0]
        elif len(value) == 1 and 'Fn::Sub' in value:
            text = value['Fn::Sub'] if isinstance(value['Fn::Sub'], str) else value['Fn::Sub'][0]
            yield from (name.split('.')[0] for name in re.findall(r'\$\{([^}!]+)\}', text) if name not in PSEUDO)
        else:
            for one in value.values():
                yield from references(one, names)


def ordered(template):
    """Logical ids so that each comes after what it needs."""
    resources, parameters = template['Resources'], template.get('Parameters', {})
    needs = {}
    for name, resource in resources.items():
        depends = resource.get('DependsOn', [])
        wanted = set(references([resource.get('Properties', {}), resource.get('UpdatePolicy', {})], resources))
        wanted |= {depends} if isinstance(depends, str) else set(depends)
        unknown = {one for one in wanted if one not in resources and one not in parameters}
        if unknown:
            raise Problem(f'{name} refers to {sorted(unknown)}, which the template does not have')
        needs[name] = {one for one in wanted if one in resources}
    done = []
    while needs:
        ready = [name for name, wanted in needs.items() if not wanted - set(done)]
        if not ready:
            raise Problem(f'a circle among {sorted(needs)[:6]}')
        for name in ready:
            done.append(name)
            del needs[name]
    return done


class Stack:
    def __init__(self, template):
        self.template = template
        self.ids = {}
        self.attributes = {}
        self.skipped = {}
        self.clients = {}

    def client(self, service):
        if service not in self.clients:
            self.clients[service] = boto3.client(service, region_name=REGION)
        return self.clients[service]

    def resolve(self, value):
        if isinstance(value, list):
            return [one for one in (self.resolve(one) for one in value) if one is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(key, inner)] = value.items()
            if key == 'Ref':
                if inner in PSEUDO:
                    return PSEUDO[inner]
                if inner in self.template.get('Parameters', {}):
                    return self.template['Parameters'][inner].get('Default', f'parameter-{inner}')
                return self.ids[inner]
            if key == 'Fn::GetAtt':
                name, attribute = inner if isinstance(inner, list) else inner.split('.', 1)
                known = self.attributes.get(name, {})
                return known.get(attribute, f'{self.ids[name]}.{attribute}')
            if key == 'Fn::Join':
                return inner[0].join(str(one) for one in self.resolve(inner[1]))
            if key == 'Fn::Select':
                return self.resolve(inner[1])[int(self.resolve(inner[0]))]
            if key == 'Fn::GetAZs':
                return [f'{REGION}a', f'{REGION}b', f'{REGION}c']
            if key == 'Fn::Split':
                return self.resolve(inner[1]).split(inner[0])
            if key == 'Fn::Sub':
                text = inner if isinstance(inner, str) else inner[0]
                return re.sub(r'\$\{([^}!]+)\}', lambda found: str(self.resolve({'Ref': found[1]})), text)
            if key in INTRINSICS:
                raise Problem(f'{key} is not known here')
        return {key: one for key, one in ((key, self.resolve(one)) for key, one in value.items()) if one is not None}

    def create(self):
        for name in ordered(self.template):
            resource = self.template['Resources'][name]
            kind = resource['Type']
            handler = HANDLERS.get(kind)
            try:
                properties = self.resolve(without(resource.get('Properties', {}), 'Tags'))
                if handler is None:
                    self.ids[name] = f'{name}-id'
                    self.skipped[kind] = self.skipped.get(kind, 0) + 1
                    continue
                made, attributes = handler(self, name, properties)
            except (ClientError, BotoCoreError, KeyError, IndexError, TypeError, ValueError) as error:
                raise Problem(f'{name} ({kind}): {error!r}') from error
            self.ids[name] = made
            self.attributes[name] = attributes
        return self


def lower(value):
    """CloudFormation's names of members, as ECS and API Gateway spell them."""
    if isinstance(value, list):
        return [lower(one) for one in value]
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: lower(one) for key, one in value.items()}
    return value


def without(properties, *names):
    return {key: value for key, value in properties.items() if key not in names}


def permissions(rules, inbound):
    """Rules of a security group in the form of the EC2 API."""
    made = []
    for rule in rules:
        entry = {'IpProtocol': str(rule['IpProtocol'])}
        for port in ('FromPort', 'ToPort'):
            if port in rule:
                entry[port] = int(rule[port])
        peer = rule.get('SourceSecurityGroupId' if inbound else 'DestinationSecurityGroupId')
        if peer:
            entry['UserIdGroupPairs'] = [{'GroupId': peer}]
        if 'CidrIp' in rule:
            entry['IpRanges'] = [{'CidrIp': rule['CidrIp']}]
        if 'CidrIpv6' in rule:
            entry['Ipv6Ranges'] = [{'CidrIpv6': rule['CidrIpv6']}]
        made.append(entry)
    return made


def vpc(stack, name, p):
    ec2 = stack.client('ec2')
    made = ec2.create_vpc(CidrBlock=p['CidrBlock'])['Vpc']['VpcId']
    groups = ec2.describe_security_groups(Filters=[{'Name': 'vpc-id', 'Values': [made]}])['SecurityGroups']
    return made, {'CidrBlock': p['CidrBlock'], 'DefaultSecurityGroup': groups[0]['GroupId']}


def subnet(stack, name, p):
    made = stack.client('ec2').create_subnet(VpcId=p['VpcId'], CidrBlock=p['CidrBlock'], AvailabilityZone=p['AvailabilityZone'])
    return made['Subnet']['SubnetId'], {'AvailabilityZone': p['AvailabilityZone']}


def security_group(stack, name, p):
    ec2 = stack.client('ec2')
    made = ec2.create_security_group(GroupName=name, Description=p['GroupDescription'], VpcId=p['VpcId'])['GroupId']
    ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[{'IpProtocol': '-1', 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}])
    if p.get('SecurityGroupIngress'):
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=permissions(p['SecurityGroupIngress'], True))
    for rule in p.get('SecurityGroupEgress', []):
        ec2.authorize_security_group_egress(GroupId=made, IpPermissions=permissions([rule], False))
    return made, {'GroupId': made, 'VpcId': p['VpcId']}


def ingress(stack, name, p):
    stack.client('ec2').authorize_security_group_ingress(GroupId=p['GroupId'], IpPermissions=permissions([p], True))
    return name, {}


def egress(stack, name, p):
    stack.client('ec2').authorize_security_group_egress(GroupId=p['GroupId'], IpPermissions=permissions([p], False))
    return name, {}


def route(stack, name, p):
    stack.client('ec2').create_route(**p)
    return name, {}


def endpoint(stack, name, p):
    made = stack.client('ec2').create_vpc_endpoint(**p)['VpcEndpoint']['VpcEndpointId']
    return made, {}


def role(stack, name, p):
    iam = stack.client('iam')
    made = iam.create_role(RoleName=name[:64], AssumeRolePolicyDocument=json.dumps(p['AssumeRolePolicyDocument']))['Role']
    for policy in p.get('Policies', []):
        iam.put_role_policy(RoleName=name[:64], PolicyName=policy['PolicyName'], PolicyDocument=json.dumps(policy['PolicyDocument']))
    return name[:64], {'Arn': made['Arn']}


def policy(stack, name, p):
    for one in p['Roles']:
        stack.client('iam').put_role_policy(RoleName=one, PolicyName=p['PolicyName'], PolicyDocument=json.dumps(p['PolicyDocument']))
    return name, {}


def log_group(stack, name, p):
    logs = stack.client('logs')
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=p['RetentionInDays'])
    return name, {'Arn': f'arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*'}


def secret(stack, name, p):
    made = stack.client('secretsmanager').create_secret(Name=name, SecretString='{"username": "u", "password": "p"}')['ARN']
    return made, {}


def archive():
    data = io.BytesIO()
    with zipfile.ZipFile(data, 'w') as file:
        file.writestr('index.mjs', 'export const handler = async () => ({ statusCode: 200 });')
    return data.getvalue()


def function(stack, name, p):
    made = stack.client('lambda').create_function(
        FunctionName=name[:64], Runtime=p['Runtime'], Role=p['Role'], Handler=p['Handler'], Code={'ZipFile': archive()},
        Timeout=p.get('Timeout', 3), MemorySize=p.get('MemorySize', 128), Environment=p.get('Environment', {'Variables': {}}),
        Description=str(p.get('Description', ''))[:256], Architectures=p.get('Architectures', ['x86_64']),
        **({'VpcConfig': p['VpcConfig']} if 'VpcConfig' in p else {}),
    )
    return name[:64], {'Arn': made['FunctionArn']}


def version(stack, name, p):
    made = stack.client('lambda').publish_version(FunctionName=p['FunctionName'])
    return made['FunctionArn'], {'Version': made['Version']}


def alias(stack, name, p):
    made = stack.client('lambda').create_alias(FunctionName=p['FunctionName'], Name=p['Name'], FunctionVersion=p['FunctionVersion'])
    return made['AliasArn'], {}


def permission(stack, name, p):
    stack.client('lambda').add_permission(
        FunctionName=p['FunctionName'], StatementId=name, Action=p['Action'], Principal=p['Principal'], SourceArn=p['SourceArn'])
    return name, {}


def balancer(stack, name, p):
    elb = stack.client('elbv2')
    made = elb.create_load_balancer(
        Name=name[-32:], Type=p['Type'], Scheme=p['Scheme'], Subnets=p['Subnets'], SecurityGroups=p['SecurityGroups'])['LoadBalancers'][0]
    arn = made['LoadBalancerArn']
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=p.get('LoadBalancerAttributes', []))
    return arn, {'DNSName': made['DNSName'], 'LoadBalancerFullName': arn.split('loadbalancer/')[1]}


def target_group(stack, name, p):
    elb = stack.client('elbv2')
    given = without(p, 'TargetGroupAttributes', 'Tags', 'Targets')
    arn = elb.create_target_group(Name=name[-32:], **given)['TargetGroups'][0]['TargetGroupArn']
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=p.get('TargetGroupAttributes', []))
    return arn, {'TargetGroupFullName': arn.split(':')[-1], 'TargetGroupArn': arn}


def listener(stack, name, p):
    made = stack.client('elbv2').create_listener(**without(p, 'ListenerAttributes', 'MutualAuthentication'))['Listeners'][0]['ListenerArn']
    return made, {'ListenerArn': made}


def cluster(stack, name, p):
    made = stack.client('ecs').create_cluster(clusterName=name)['cluster']
    return name, {'Arn': made['clusterArn']}


def task(stack, name, p):
    made = stack.client('ecs').register_task_definition(**lower_task(p))['taskDefinition']
    return made['taskDefinitionArn'], {}


def lower_task(p):
    made = lower(without(p, 'Tags'))
    # The names in the log driver's options are its own.
    for given, container in zip(p['ContainerDefinitions'], made['containerDefinitions']):
        container['logConfiguration']['options'] = given['LogConfiguration']['Options']
    return made


def service(stack, name, p):
    given = lower(without(p, 'Tags', 'EnableECSManagedTags', 'AvailabilityZoneRebalancing'))
    given['deploymentConfiguration'] = without(given['deploymentConfiguration'], 'alarms', 'strategy')
    made = stack.client('ecs').create_service(serviceName=name, desiredCount=2, **given)['service']
    return made['serviceArn'], {'Name': made['serviceName'], 'ServiceArn': made['serviceArn']}


def alarm(stack, name, p):
    stack.client('cloudwatch').put_metric_alarm(AlarmName=name, **without(p, 'Tags'))
    return name, {'Arn': f'arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}'}


def dashboard(stack, name, p):
    stack.client('cloudwatch').put_dashboard(DashboardName=name, DashboardBody=p['DashboardBody'])
    return name, {}


def api(stack, name, p):
    made = stack.client('apigatewayv2').create_api(Name=p['Name'], ProtocolType=p['ProtocolType'])
    return made['ApiId'], {'ApiEndpoint': made['ApiEndpoint'], 'ApiId': made['ApiId']}


def integration(stack, name, p):
    return stack.client('apigatewayv2').create_integration(**p)['IntegrationId'], {}


def api_route(stack, name, p):
    return stack.client('apigatewayv2').create_route(**p)['RouteId'], {}


def stage(stack, name, p):
    stack.client('apigatewayv2').create_stage(**without(p, 'Tags', 'RouteSettings', 'AccessLogSettings'))
    return p['StageName'], {}


def scalable(stack, name, p):
    stack.client('application-autoscaling').register_scalable_target(**p)
    return f"{p['ResourceId']}|{p['ScalableDimension']}|{p['ServiceNamespace']}", {}


def scaling_policy(stack, name, p):
    target = p['ScalingTargetId'].split('|')
    given = dict(without(p, 'ScalingTargetId'), ResourceId=target[0], ScalableDimension=target[1], ServiceNamespace=target[2])
    made = stack.client('application-autoscaling').put_scaling_policy(**given)
    return made['PolicyARN'], {}


def cache_subnets(stack, name, p):
    stack.client('elasticache').create_cache_subnet_group(
        CacheSubnetGroupName=name.lower(), CacheSubnetGroupDescription=p['Description'], SubnetIds=p['SubnetIds'])
    return name.lower(), {}


def deploy_application(stack, name, p):
    stack.client('codedeploy').create_application(applicationName=name, computePlatform=p['ComputePlatform'])
    return name, {}


HANDLERS = {
    'AWS::EC2::VPC': vpc,
    'AWS::EC2::Subnet': subnet,
    'AWS::EC2::SecurityGroup': security_group,
    'AWS::EC2::SecurityGroupIngress': ingress,
    'AWS::EC2::SecurityGroupEgress': egress,
    'AWS::EC2::InternetGateway': lambda s, n, p: (s.client('ec2').create_internet_gateway()['InternetGateway']['InternetGatewayId'], {}),
    'AWS::EC2::VPCGatewayAttachment': lambda s, n, p: (s.client('ec2').attach_internet_gateway(**p) and n, {}),
    'AWS::EC2::RouteTable': lambda s, n, p: (s.client('ec2').create_route_table(VpcId=p['VpcId'])['RouteTable']['RouteTableId'], {}),
    'AWS::EC2::SubnetRouteTableAssociation': lambda s, n, p: (s.client('ec2').associate_route_table(**p)['AssociationId'], {}),
    'AWS::EC2::Route': route,
    'AWS::EC2::VPCEndpoint': endpoint,
    'AWS::IAM::Role': role,
    'AWS::IAM::Policy': policy,
    'AWS::Logs::LogGroup': log_group,
    'AWS::SecretsManager::Secret': secret,
    'AWS::Lambda::Function': function,
    'AWS::Lambda::Version': version,
    'AWS::Lambda::Alias': alias,
    'AWS::Lambda::Permission': permission,
    'AWS::ElasticLoadBalancingV2::LoadBalancer': balancer,
    'AWS::ElasticLoadBalancingV2::TargetGroup': target_group,
    'AWS::ElasticLoadBalancingV2::Listener': listener,
    'AWS::ECS::Cluster': cluster,
    'AWS::ECS::TaskDefinition': task,
    'AWS::ECS::Service': service,
    'AWS::CloudWatch::Alarm': alarm,
    'AWS::CloudWatch::Dashboard': dashboard,
    'AWS::ApiGatewayV2::Api': api,
    'AWS::ApiGatewayV2::Integration': integration,
    'AWS::ApiGatewayV2::Route': api_route,
    'AWS::ApiGatewayV2::Stage': stage,
    'AWS::ApplicationAutoScaling::ScalableTarget': scalable,
    'AWS::ApplicationAutoScaling::ScalingPolicy': scaling_policy,
    'AWS::ElastiCache::SubnetGroup': cache_subnets,
    'AWS::CodeDeploy::Application': deploy_application,
}
