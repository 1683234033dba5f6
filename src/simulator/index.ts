/** Stand-ins for Atlas and S3: for the demo, tests, benchmarks and integrators. */

export {
  type S3FaultKind,
  type S3FaultPlan,
  type S3FaultRule,
  type S3Simulator,
  type S3SimulatorOptions,
  startS3Simulator,
} from './s3/s3-server.js';
