/**
 * The AWS SDK warns on standard error about Node 20, which it still supports. This switches the
 * warning off the documented way; it must be imported before the SDK makes a client.
 */
// biome-ignore lint/style/noProcessEnv: set for the SDK; nothing of ours reads it
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
