// A plugin in AssemblyScript: drops the spans of one name, such as those of health checks.
//
//     npm install
//     npm run build -- --outFile drop-spans.wasm
//
//     processors:
//       plugin: {path: drop-spans.wasm, config: GET /health}
//
// It walks the bytes of a ResourceSpans by hand and copies what it keeps; no object is made on the way, so
// there is nothing for a garbage collector to do.

@external("skyferry", "emit")
declare function emit(kind: u32, address: usize, len: usize): void;
@external("skyferry", "reason")
declare function reason(address: usize, len: usize, item: u64): void;
@external("skyferry", "counter")
declare function counter(address: usize, len: usize, add: u64): void;

const ABI_VERSION: u32 = 0x10000;
const UNCHANGED: u32 = 0;
const REPLACED: u32 = 1;
const REFUSED: u32 = 2;
const NO_ITEM: u64 = u64.MAX_VALUE;

const description = String.UTF8.encode(
  '{"name":"drop-spans","version":"1.0.0","summary":"Drops the spans of one name.","signals":["traces"],' +
    '"schema":{"type":"string","minLength":1}}',
);
const metric = String.UTF8.encode("dropped_spans");
const escaped = String.UTF8.encode("the name may hold no quotation marks, backslashes and control characters");

// What the host writes to, and what is emitted: both grow to the largest message.
let lent: usize = 0;
let lentSize: usize = 0;
let kept: usize = 0;
let keptSize: usize = 0;

// Memory in the place of what was used before.
function room(before: usize, len: usize): usize {
  if (before != 0) heap.free(before);
  return heap.alloc(len);
}

// The name to drop, as bytes.
let name: usize = 0;
let nameLen: usize = 0;

export function skyferry_plugin_v1(): u32 {
  return ABI_VERSION;
}

export function skyferry_alloc(len: usize): usize {
  if (lentSize < len || lent == 0) {
    lent = room(lent, len);
    lentSize = len;
  }
  return lent;
}

export function skyferry_describe(): u64 {
  return ((<u64>changetype<usize>(description)) << 32) | description.byteLength;
}

// The configuration is a JSON string: the name between its quotation marks, unless something is escaped.
export function skyferry_create(config: usize, len: usize): u32 {
  for (let at = config; at < config + len; at++) {
    if (load<u8>(at) == 0x5c) {
      reason(changetype<usize>(escaped), escaped.byteLength, NO_ITEM);
      return REFUSED;
    }
  }
  nameLen = len - 2;
  name = heap.alloc(nameLen);
  memory.copy(name, config + 1, nameLen);
  return UNCHANGED;
}

// Fields of opentelemetry.proto.trace.v1, with their wire type, which is 2: a length, and as many bytes.
const SCOPE_SPANS: u64 = (2 << 3) | 2; // of ResourceSpans
const SPAN: u64 = (2 << 3) | 2; // of ScopeSpans
const SPAN_NAME: u64 = (5 << 3) | 2;

// A tag and the longest length.
const PREFIX_MAX: usize = 11;

export function skyferry_process(kind: u32, message: usize, len: usize): u32 {
  if (keptSize < len + PREFIX_MAX) {
    keptSize = len + PREFIX_MAX;
    kept = room(kept, keptSize);
  }
  const end = message + len;
  let out = kept;
  let dropped: u64 = 0;
  for (let at = message; at < end; at = next) {
    // What is no protobuf goes on as it is: others are better at telling why.
    if (!field(at, end)) return UNCHANGED;
    if (tag != SCOPE_SPANS) {
      memory.copy(out, at, next - at);
      out += next - at;
      continue;
    }
    const after = next;
    const scope = keepSpans(content, after, out + PREFIX_MAX);
    if (isBroken) return UNCHANGED;
    dropped += droppedOfScope;
    // A scope whose spans are all gone goes as well.
    if (spansOfScope > 0 || droppedOfScope == 0) {
      const prefix = putVarint(putVarint(out, SCOPE_SPANS), scope);
      memory.copy(prefix, out + PREFIX_MAX, scope);
      out = prefix + scope;
    }
    next = after;
  }
  if (dropped == 0) return UNCHANGED;
  counter(changetype<usize>(metric), metric.byteLength, dropped);
  if (keptScopes(kept, out)) emit(kind, kept, out - kept);
  return REPLACED;
}

let spansOfScope: u64 = 0;
let droppedOfScope: u64 = 0;
let isBroken = false;

// Copies a ScopeSpans without the spans to drop, and returns how many bytes that are.
function keepSpans(start: usize, end: usize, to: usize): usize {
  spansOfScope = 0;
  droppedOfScope = 0;
  let out = to;
  for (let at = start; at < end; at = next) {
    isBroken = !field(at, end);
    if (isBroken) return 0;
    const after = next;
    if (tag == SPAN) {
      if (isToDrop(content, after)) {
        droppedOfScope++;
        next = after;
        continue;
      }
      spansOfScope++;
    }
    next = after;
    memory.copy(out, at, after - at);
    out += after - at;
  }
  return out - to;
}

function isToDrop(start: usize, end: usize): bool {
  for (let at = start; at < end; at = next) {
    if (!field(at, end)) return false;
    if (tag == SPAN_NAME) {
      return next - content == nameLen && memory.compare(content, name, nameLen) == 0;
    }
  }
  return false;
}

function keptScopes(start: usize, end: usize): bool {
  for (let at = start; at < end; at = next) {
    if (!field(at, end)) return false;
    if (tag == SCOPE_SPANS) return true;
  }
  return false;
}

// The field that was read last: its tag, where its content begins, and where the next field does.
let tag: u64 = 0;
let content: usize = 0;
let next: usize = 0;

// Reads the field at `at`; false where there is none before `end`.
function field(at: usize, end: usize): bool {
  tag = varint(at, end);
  if (next == 0) return false;
  content = next;
  let len: u64 = 0;
  switch (<u32>(tag & 7)) {
    case 0:
      varint(content, end);
      return next != 0;
    case 1:
      len = 8;
      break;
    case 2:
      len = varint(content, end);
      if (next == 0) return false;
      content = next;
      break;
    case 5:
      len = 4;
      break;
    default:
      return false;
  }
  if (len > <u64>(end - content)) return false;
  next = content + <usize>len;
  return true;
}

// Reads a number, and sets `next` behind it, or to 0 where it does not end before `end`.
function varint(at: usize, end: usize): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 64 && at < end; shift += 7) {
    const byte = load<u8>(at++);
    value |= <u64>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      next = at;
      return value;
    }
  }
  next = 0;
  return 0;
}

function putVarint(at: usize, value: u64): usize {
  while (value >= 0x80) {
    store<u8>(at++, <u8>(value | 0x80));
    value >>= 7;
  }
  store<u8>(at++, <u8>value);
  return at;
}
