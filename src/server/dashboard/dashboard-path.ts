/** Where operators find everything; in a file of its own, since pages link to it. */
export const DASHBOARD_PATH = '/dashboard';
