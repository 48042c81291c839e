import { nodesInSupport } from '../kit/nodes.ts';
import { describeTours } from './tours.ts';

const ours = process.versions.node.split('.')[0];
describeTours(nodesInSupport.filter((version) => version.split('.')[0] !== ours));
