import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { FrontTcpStack } from '../lib/front-tcp-stack.ts';
import { parseSettings, readSettingsFile } from '../lib/settings.ts';

const app = new App();
const path: unknown = app.node.tryGetContext('settings');
const settings =
  typeof path === 'string'
    ? parseSettings(await readSettingsFile(path), path)
    : parseSettings(app.node.tryGetContext('fronttcp') ?? {}, 'cdk.json, context.fronttcp');

new FrontTcpStack(app, settings);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
