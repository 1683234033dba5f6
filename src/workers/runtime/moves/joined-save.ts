/** Scripts that save the state of a job, and do more in the same moment. */
import { type LuaPart, LuaScript } from '../../../redis/lua-script.js';
import { SAVE_LUA, type Saving } from './save-script.js';

/** A save and its parts, as one script. */
export interface JoinedSave<Reply> {
  script: LuaScript<Reply | null>;
  keys: string[];
  args: (string | number)[];
}

/** Scripts that begin with the same pieces of Lua; there are few. To join the pieces of each call would take longer. */
interface Known {
  script?: LuaScript;
  next: Map<string, Known>;
}
const known: Known = { next: new Map() };

/**
 * The parts are done in their order, when the state was saved. Each has KEYS and ARGV of its own; the counts of
 * all come first in ARGV.
 * @param reply Lua that ends the script: `saved` is what the save replied, false without the lock, and `last` what
 *   the last part returned.
 */
export function joinSave<Reply>(
  { keys, args }: Pick<Saving, 'keys' | 'args'>,
  parts: readonly LuaPart[],
  reply = 'return saved',
): JoinedSave<Reply> {
  const all = [{ keys, args }, ...parts];
  return {
    script: scriptOf<Reply>(parts, reply),
    keys: all.flatMap((part) => part.keys),
    args: [
      ...all.flatMap((part) => [part.keys.length, part.args.length]),
      ...all.flatMap((part) => part.args),
    ],
  };
}

function scriptOf<Reply>(parts: readonly LuaPart[], reply: string): LuaScript<Reply | null> {
  let at = after(known, reply);
  for (const { when = '', lua } of parts) at = after(after(at, when), lua);
  at.script ??= new LuaScript(luaOf(parts, reply));
  return at.script as LuaScript<Reply | null>;
}

function after({ next }: Known, lua: string): Known {
  const found = next.get(lua) ?? { next: new Map() };
  next.set(lua, found);
  return found;
}

function luaOf(parts: readonly LuaPart[], reply: string): string {
  const functions = parts.map(
    ({ lua, when = 'true' }, n) => `
local function is_wanted_${n}(KEYS, ARGV) return ${when} end
local function part_${n}(KEYS, ARGV) ${lua} end`,
  );
  const asked = parts.map(
    (_, n) => `
local keys_${n}, args_${n} = take(${n + 2})
local wanted_${n} = is_wanted_${n}(keys_${n}, args_${n})`,
  );
  const done = parts.map(
    (_, n) => `
  if wanted_${n} then last = part_${n}(keys_${n}, args_${n}) end`,
  );
  return `
local function save(KEYS, ARGV) ${SAVE_LUA} end
${functions.join('')}
local key, arg = 0, ${2 * (parts.length + 1)}
local function take(n)
  local keys, args = {}, {}
  for i = 1, tonumber(ARGV[2 * n - 1]) do keys[i] = KEYS[key + i] end
  for i = 1, tonumber(ARGV[2 * n]) do args[i] = ARGV[arg + i] end
  key, arg = key + #keys, arg + #args
  return keys, args
end
local save_keys, save_args = take(1)
${asked.join('')}
local last
local saved = save(save_keys, save_args)
if saved and saved[1] == 1 then ${done.join('')}
end
${reply}
`;
}
