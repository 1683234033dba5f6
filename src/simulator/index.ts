/** Stand-ins for Atlas and S3: for the demo, tests, benchmarks and integrators. */

export type { AtlasBatch } from './atlas/atlas-batches.js';
export type {
  AtlasEndpoint,
  AtlasFaultKind,
  AtlasFaultPlan,
  AtlasFaultRule,
  AtlasRequestView,
} from './atlas/atlas-faults.js';
export { startAtlasSimulator } from './atlas/atlas-server.js';
export type {
  AtlasSimulator,
  AtlasSimulatorOptions,
  AtlasUpload,
} from './atlas/atlas-simulator.js';
export type { DocumentContext, DocumentScript } from './atlas/batch-options.js';
export type { CallbackCounts, CallbackOptions } from './atlas/callbacks.js';
export type {
  DocumentContent,
  DocumentOutcome,
  FieldContent,
  FieldValue,
} from './atlas/document-content.js';
export { mixedAtlasFaults } from './atlas/mixed-faults.js';
export type { S3Habit } from './s3/s3-habits.js';
export type { S3Operation, S3Target } from './s3/s3-request.js';
export {
  type S3FaultKind,
  type S3FaultPlan,
  type S3FaultRule,
  type S3Simulator,
  type S3SimulatorOptions,
  startS3Simulator,
} from './s3/s3-server.js';
export type { S3ErrorCode } from './s3/s3-xml.js';
export type { StandIn, StandInOptions } from './stand-in.js';
export { type Simulators, type SimulatorsOptions, startSimulators } from './start-simulators.js';
export type { RequestCounters, RequestRecord } from './traffic.js';
