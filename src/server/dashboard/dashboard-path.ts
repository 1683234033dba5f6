/** Where the pages are. A file of its own avoids a cycle: the pages link to it. */
export const DASHBOARD_PATH = '/dashboard';
