# The base of all stages. A release names it by its digest, so that the same sources give the same image:
#   docker build --build-arg NODE_IMAGE=node:24-alpine@sha256:… .
ARG NODE_IMAGE=node:24-alpine

# The compiler's own libraries stay behind in this stage.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM ${NODE_IMAGE} AS libraries
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# TypeScript comes as an optional peer of a dependency. Nobody calls it, and it has 31 MB.
RUN npm ci --omit=dev --no-audit --no-fund && rm -r node_modules/typescript node_modules/@typescript node_modules/.bin/tsc

FROM ${NODE_IMAGE}
# A worker tells of its health on WORKER_PORT. A container is reached by its address, never by loopback.
# The AWS SDK asks for a home, which a user without a name has not.
ENV NODE_ENV=production HOME=/app HOST=0.0.0.0 WORKER_PORT=3001
WORKDIR /app
COPY package.json LICENSE ./
COPY scripts/healthcheck.mjs ./scripts/
COPY --from=libraries /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# By number: Kubernetes cannot tell of a name whether it is root. Nothing here belongs to it.
USER 10001:10001
# A worker may take 25 s to end in order: whoever stops it must wait longer (compose:
# stop_grace_period, Kubernetes: terminationGracePeriodSeconds).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "scripts/healthcheck.mjs"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["worker"]
