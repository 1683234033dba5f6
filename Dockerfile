# The compiler's own libraries stay behind in this stage.
FROM node:24-alpine AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM node:24-alpine AS libraries
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-alpine
# A worker tells of its health there.
ENV NODE_ENV=production WORKER_PORT=3001
WORKDIR /app
COPY package.json LICENSE ./
COPY scripts/healthcheck.mjs ./scripts/
COPY --from=libraries /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
# A worker may take 25 s to end in order: whoever stops it must wait longer (compose:
# stop_grace_period, Kubernetes: terminationGracePeriodSeconds).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "scripts/healthcheck.mjs"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["worker"]
