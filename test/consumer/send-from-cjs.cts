import atlasBatch = require('atlas-batch');
import simulator = require('atlas-batch/simulator');

async function main(): Promise<void> {
  // What Node before 20.19 would need for the package too.
  const { run } = await import('./app.mjs');
  await run(atlasBatch, simulator, 'sent-from-cjs');
}

void main();
