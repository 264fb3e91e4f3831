/**
 * The ordered list of channel rules, ready to be asked.
 *
 * Owns the choice of the one rule that decides for a channel: the first whose glob fits. A rule for everything is none
 * for user channels, which would open them to everyone: a glob has to name their mark to fit them. Linear in the number of
 * rules; channels keep the answer, so it is asked once per channel and subscription, not per publication.
 */
import {
  type AudienceName,
  builtInRules,
  type ChannelRule,
  demoRule,
  type PresenceName,
} from '../config/rules.ts'
import { compileGlob } from './glob.ts'
import { USER_CHANNEL_MARK } from './names.ts'
import { bare } from './tenants.ts'

/** A rule with every field set. */
export interface EffectiveRule {
  readonly subscribe: AudienceName
  readonly publish: AudienceName
  readonly presence: PresenceName
  readonly flushMs: number
  readonly maxPublicationBytes: number
  readonly historySize: number
  readonly historyBytes: number
  readonly historyTtlMs: number
  readonly durable: boolean
  readonly announce: boolean
}

export interface ChannelRules {
  /** The rule for a channel, whichever tenant's; the last built-in rule fits every name, so there always is one. */
  ruleFor(channel: string): EffectiveRule
}

/**
 * @param configured the operator's rules, in order
 * @param maxPublicationBytes the node's own limit; a rule can only lower it
 */
export function compileRules(
  configured: readonly ChannelRule[],
  maxPublicationBytes: number,
  isDemo: boolean,
): ChannelRules {
  const written = [...(isDemo ? [demoRule] : []), ...configured, ...builtInRules]
  const compiled = written.map((rule) => ({
    fits: compileGlob(rule.match),
    isForUsers: rule.match.startsWith(USER_CHANNEL_MARK),
    effective: complete(rule, maxPublicationBytes),
  }))
  const fallback = complete({ match: '*' }, maxPublicationBytes)
  return {
    ruleFor(name) {
      const channel = bare(name)
      const isOfUser = channel.startsWith(USER_CHANNEL_MARK)
      for (const rule of compiled) {
        if ((rule.isForUsers || !isOfUser) && rule.fits(channel)) return rule.effective
      }
      return fallback
    },
  }
}

function complete(rule: ChannelRule, nodeLimit: number): EffectiveRule {
  const own = rule.maxPublicationBytes ?? 0
  return {
    subscribe: rule.subscribe ?? 'anyone',
    publish: rule.publish ?? 'nobody',
    presence: rule.presence ?? 'count',
    flushMs: rule.flushMs ?? 0,
    maxPublicationBytes: own === 0 ? nodeLimit : Math.min(own, nodeLimit),
    historySize: rule.historySize ?? 0,
    historyBytes: rule.historyBytes ?? 0,
    historyTtlMs: rule.historyTtlMs ?? 0,
    durable: rule.durable ?? false,
    announce: rule.announce ?? false,
  }
}
