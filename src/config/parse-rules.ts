/**
 * Channel rules out of what an operator wrote.
 *
 * Owns the way from an unknown value (a list in the file, the same list as text elsewhere) to checked rules. Each
 * rule is checked field by field against `ruleFields`, and all mistakes are told at once. Bound: 1,000 rules.
 */
import { suggestion } from './names.ts'
import { type ChannelRule, ruleFields } from './rules.ts'
import { checkValue, kindOf, quoteValue } from './values.ts'

const MAX_RULES = 1_000
const MAX_MATCH_BYTES = 255

export interface ParsedRules {
  readonly rules: readonly ChannelRule[]
  /** Phrases such as `rule 2, "flushMs": 60 is above 50 (ms)`; the first rule is rule 1. */
  readonly mistakes: readonly string[]
}

/** Checks a list of rules; `rules` is whole only when there are no mistakes. */
export function parseRules(value: unknown): ParsedRules {
  if (!Array.isArray(value)) return { rules: [], mistakes: [`must be a list of rules, is ${kindOf(value)}`] }
  if (value.length > MAX_RULES) {
    return { rules: [], mistakes: [`${value.length} rules are above ${MAX_RULES} (rules)`] }
  }
  const rules: ChannelRule[] = []
  const mistakes: string[] = []
  for (const [index, entry] of value.entries()) {
    const found: string[] = []
    const rule = parseRule(entry, found)
    if (rule !== null) rules.push(rule)
    mistakes.push(...found.map((mistake) => `rule ${index + 1}${mistake}`))
  }
  return { rules, mistakes }
}

/** Mistakes continue the words `rule 1`; null when there is one. */
function parseRule(entry: unknown, mistakes: string[]): ChannelRule | null {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    mistakes.push(` must be a map with "match", is ${kindOf(entry)}`)
    return null
  }
  const rule: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(entry)) {
    if (!isRuleField(name)) {
      mistakes.push(`, "${name}": unknown field${suggestion(name, Object.keys(ruleFields))}`)
      continue
    }
    const checked = checkValue(ruleFields[name], value)
    if ('mistake' in checked) mistakes.push(`, "${name}": ${checked.mistake}`)
    else rule[name] = checked.value
  }
  if (!('match' in entry)) mistakes.push(', "match": is missing')
  if (typeof rule.match === 'string') mistakes.push(...matchMistakes(rule.match))
  if (rule.durable === true && (rule.historySize === 0 || !('historySize' in entry))) {
    mistakes.push(', "durable": needs a "historySize" above 0, there is no history to be on disk')
  }
  return mistakes.length === 0 ? (rule as unknown as ChannelRule) : null
}

function isRuleField(name: string): name is keyof typeof ruleFields {
  return Object.hasOwn(ruleFields, name)
}

function matchMistakes(match: string): string[] {
  if (match === '') return [', "match": is empty; the shortest is one character, "*" fits every channel']
  const bytes = Buffer.byteLength(match)
  if (bytes <= MAX_MATCH_BYTES) return []
  return [`, "match": ${quoteValue(match)} has ${bytes} bytes, above ${MAX_MATCH_BYTES} (bytes)`]
}
