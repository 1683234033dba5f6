/** The text of a script of BullMQ's. Its package has types for those of a build that Node cannot load. */
declare module 'bullmq/dist/cjs/scripts/moveToDelayed-11.js' {
  export const moveToDelayed: { content: string };
}
