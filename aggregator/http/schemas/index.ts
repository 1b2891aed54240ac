/** Every named schema; each goes into the OpenAPI document under its name. */
import { problemSchema } from './problem.ts';
import { checkSchema } from './check.ts';
import { diagnosisParts } from './diagnosis.ts';
import { evidenceSchema, findingSchema, subjectSchema, transitionSchema } from './finding.ts';
import { agentMetricsSchema, agentWaySchema, findingCountsSchema, layerStatusSchema, nodeSchema } from './node.ts';
import { matrixParts } from './matrix.ts';
import { policyParts } from './policy.ts';
import { serviceParts, serviceSchema } from './service.ts';
import { whoamiSchema } from './whoami.ts';

export const namedSchemas = [
  problemSchema,
  subjectSchema,
  evidenceSchema,
  findingSchema,
  transitionSchema,
  findingCountsSchema,
  agentMetricsSchema,
  agentWaySchema,
  layerStatusSchema,
  nodeSchema,
  ...serviceParts,
  serviceSchema,
  ...diagnosisParts,
  ...matrixParts,
  ...policyParts,
  checkSchema,
  whoamiSchema,
];
