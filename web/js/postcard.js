// The few words of postcard the worker needs to speak itself: it lets time pass in slices
// without asking the page. Variant numbers are checked by a test of the crate (`link.rs`).

const COMMAND_ADVANCE = 3;
const ANSWER_ADVANCED = 2;

/** `Command::Advance { until_us, events_max }`. */
export function advance(untilUs, eventsMax) {
  const bytes = [COMMAND_ADVANCE];
  varint(bytes, untilUs);
  varint(bytes, eventsMax);
  return Uint8Array.from(bytes);
}

/** Reads `Answer::Advanced`: `now_us`, `reached`, `events`, `replaying`, `violated`. */
export function advanced(bytes) {
  if (bytes[0] !== ANSWER_ADVANCED) return null;
  const [now, afterNow] = unvarint(bytes, 1);
  const reached = bytes[afterNow] === 1;
  const [events, afterEvents] = unvarint(bytes, afterNow + 1);
  const replaying = bytes[afterEvents] === 1;
  const violated = bytes[afterEvents + 1] === 1;
  const asked = bytes[afterEvents + 2] === 1;
  return { now, reached, events, replaying, violated, asked };
}

// Numbers of virtual microseconds stay below 2^53, so plain arithmetic is exact.
function varint(out, value) {
  let rest = Math.max(0, Math.floor(value));
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

function unvarint(bytes, from) {
  let value = 0;
  let unit = 1;
  let at = from;
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 127) * unit;
    if (byte < 128) return [value, at];
    unit *= 128;
  }
}
