#!/usr/bin/env bash
# What a developer of an upstream app does, from an empty folder to results:
#
#   REDIS_URL=redis://127.0.0.1:6379 test/consumer/from-install-to-results.sh atlas-batch-0.1.0.tgz app
#
# Atlas and S3 are the package's simulator; nothing but the tarball comes from this repository.
set -euo pipefail
package=$(realpath "$1")
sources=$(dirname "$(realpath "$0")")
cd "$2"

npm init --yes >/dev/null
npm install --prefer-offline --no-audit --no-fund \
  "$package" typescript@7 typescript-5@npm:typescript@5 @types/node@20
cp -r "$sources"/*.mts "$sources"/*.cts "$sources"/tsconfig.json "$sources"/classic .
npx tsc
node send-from-esm.mjs
node send-from-cjs.cjs
npx atlas-batch status sent-from-cjs
node node_modules/typescript-5/bin/tsc -p classic
node classic/app.cjs
