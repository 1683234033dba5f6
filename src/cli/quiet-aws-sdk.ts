/**
 * Switches off a warning of the AWS SDK about Node 20, which the SDK still supports, in the documented
 * way. It must be imported before the SDK creates a client.
 */
// biome-ignore lint/style/noProcessEnv: set for the SDK; nothing of ours reads it
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
