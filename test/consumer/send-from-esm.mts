import * as atlasBatch from 'atlas-batch';
import * as simulator from 'atlas-batch/simulator';
import { run } from './app.mjs';

await run(atlasBatch, simulator, 'sent-from-esm');
