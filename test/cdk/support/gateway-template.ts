import { resourceOf, type TemplateJson } from './synthesis.ts';

export const TASK = 'AWS::ECS::TaskDefinition';

export const SERVICE = 'AWS::ECS::Service';

export const TARGETS = 'AWS::ElasticLoadBalancingV2::TargetGroup';

export const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';

export const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';

export const container = (template: TemplateJson) => resourceOf(template, TASK).Properties.ContainerDefinitions[0];

export const environment = (template: TemplateJson): Record<string, unknown> =>
  Object.fromEntries(
    container(template).Environment.map((one: { Name: string; Value: unknown }) => [one.Name, one.Value]),
  );

export const setEnvironment = (template: TemplateJson, name: string, value: string): void => {
  container(template).Environment.find((one: { Name: string }) => one.Name === name).Value = value;
};

export const attributes = (template: TemplateJson): Record<string, string> =>
  Object.fromEntries(
    resourceOf(template, TARGETS).Properties.TargetGroupAttributes.map((one: { Key: string; Value: string }) => [
      one.Key,
      one.Value,
    ]),
  );

export const setAttribute = (template: TemplateJson, key: string, value: string): void => {
  const list: { Key: string; Value: string }[] = resourceOf(template, TARGETS).Properties.TargetGroupAttributes;
  for (const one of list) if (one.Key === key) one.Value = value;
};
