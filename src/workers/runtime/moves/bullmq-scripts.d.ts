/** The texts of scripts of BullMQ's. Its package has types for those of a build that Node cannot load. */
declare module 'bullmq/dist/cjs/scripts/moveToDelayed-11.js' {
  export const moveToDelayed: { content: string };
}
declare module 'bullmq/dist/cjs/scripts/moveToFinished-14.js' {
  export const moveToFinished: { content: string };
}
declare module 'bullmq/dist/cjs/scripts/moveToActive-11.js' {
  export const moveToActive: { content: string };
}
declare module 'bullmq/dist/cjs/scripts/moveToWaitingChildren-7.js' {
  export const moveToWaitingChildren: { content: string };
}
