/** Preloaded into a process whose clock is to be two minutes ahead. */
const AHEAD_MS = 120_000;
const now = Date.now.bind(Date);
Date.now = () => now() + AHEAD_MS;
