/** Where the pages are. A file of its own avoids a cycle: the pages link to each other. */
export const DASHBOARD_PATH = '/dashboard';
export const BATCHES_PATH = `${DASHBOARD_PATH}/batches`;
export const WORKERS_PATH = `${DASHBOARD_PATH}/workers`;
