/**
 * The effective configuration, out of flags, environment, file and defaults.
 *
 * Owns the precedence (flags over environment over file over comet.ini over defaults) and the promise that a mistake
 * never passes: unknown names are mistakes wherever they stand, every source is checked even where another one wins,
 * and all mistakes are told at once, each with source, name, value and bound. Secrets never appear in a message. It
 * reads no file by itself and changes nothing outside.
 */
import { ConfigError } from '../errors.ts'
import { type CheckFacts, checkConfig, type Origin, type Origins } from './check.ts'
import { readCometIni } from './comet-ini.ts'
import { parseConfigFile, parseFragment } from './config-file.ts'
import { envName, flagName, nearestName, suggestion } from './names.ts'
import { type Config, type Option, type OptionName, options } from './options.ts'
import { parseRules } from './parse-rules.ts'
import type { ChannelRule } from './rules.ts'
import { type Checked, checkText, checkValue, type PlainValue } from './values.ts'

const ENV_PREFIX = 'ENCKE_'
/** Names the configuration file; the one variable with the prefix that is no option. */
const ENV_CONFIG = 'ENCKE_CONFIG'

const optionNames = Object.keys(options) as OptionName[]
const optionByFlag = new Map(optionNames.map((name) => [flagName(name), name]))
const optionByEnv = new Map(optionNames.map((name) => [envName(name), name]))

export interface ConfigSources {
  /** By flag name in kebab case without dashes: each value as it was typed; a repeated flag has several. */
  readonly flags?: Readonly<Record<string, readonly string[]>>
  /** Only variables that begin with `ENCKE_` are looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Path of the configuration file; '' or undefined = the one ENCKE_CONFIG names, or none. */
  readonly configFile?: string | undefined
  /** Reads the configuration file or a comet.ini; what it throws passes through `loadConfig`. */
  readFile(path: string): Promise<string>
  /** Whether a file named by an option can be read. */
  canRead(path: string): boolean
}

export interface LoadedConfig {
  readonly config: Config
  readonly origins: Origins
  /** What the operator should know, one line each. */
  readonly warnings: readonly string[]
}

/**
 * Loads and checks the configuration.
 *
 * @throws {ConfigError} with every mistake found
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const mistakes: string[] = []
  const written = [
    ...(await readConfigFile(sources, mistakes)),
    ...givenByEnv(sources.env ?? {}, mistakes),
    ...givenByFlags(sources.flags ?? {}, mistakes),
  ]
  const ini = await readIni(await cometIniOf(written), sources, mistakes)
  const values: Record<string, OptionValue> = { ...defaultConfig() }
  const origins = Object.fromEntries(optionNames.map((name) => [name, 'default'])) as Record<
    OptionName,
    Origin
  >
  const unusable = new Set<OptionName>()
  for (const item of [...ini.given, ...written]) {
    const { value, mistakes: found } = await checkGiven(item)
    mistakes.push(...found.map((mistake) => `${item.label}: ${mistake}`))
    if (value === undefined) unusable.add(item.name)
    else values[item.name] = value
    origins[item.name] = item.origin
  }
  const config = values as unknown as Config
  const facts: CheckFacts = { config, unusable, canRead: sources.canRead }
  const checked = checkConfig(facts)
  mistakes.push(...checked.mistakes)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return { config, origins, warnings: [...ini.warnings, ...checked.warnings] }
}

/** The configuration of a node that was told nothing. */
export function defaultConfig(): Config {
  return Object.fromEntries(optionNames.map((name) => [name, options[name].default])) as unknown as Config
}

type OptionValue = PlainValue | readonly ChannelRule[]

/** One value of one source, not yet checked. */
interface Given {
  readonly name: OptionName
  readonly origin: Exclude<Origin, 'default'>
  /** How messages call it: `"port" in encke.yaml`, `"port" (ENCKE_PORT)`, `"port" (--port)`. */
  readonly label: string
  /** Text where the source holds nothing else, otherwise what the file's parser made of it, checked or not. */
  readonly raw:
    | { readonly texts: readonly string[] }
    | { readonly value: unknown }
    | { readonly checked: Checked }
}

async function readConfigFile(sources: ConfigSources, mistakes: string[]): Promise<Given[]> {
  const path = sources.configFile || sources.env?.[ENV_CONFIG] || ''
  if (path === '') return []
  const text = await sources.readFile(path)
  try {
    return givenByFile(path, await parseConfigFile(path, text), mistakes)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    mistakes.push(...error.mistakes)
    return []
  }
}

function givenByFile(path: string, entries: Readonly<Record<string, unknown>>, mistakes: string[]): Given[] {
  const given: Given[] = []
  for (const [key, value] of Object.entries(entries)) {
    const label = `"${key}" in ${path}`
    if (isOptionName(key)) given.push({ name: key, origin: 'file', label, raw: { value } })
    else mistakes.push(`${label}: unknown option${suggestion(key, optionNames)}`)
  }
  return given
}

/** The path of the comet.ini that counts; '' = none, also where the option itself is a mistake. */
async function cometIniOf(written: readonly Given[]): Promise<string> {
  const last = written.findLast(({ name }) => name === 'cometIni')
  const value = last === undefined ? options.cometIni.default : (await checkGiven(last)).value
  return typeof value === 'string' ? value : ''
}

interface GivenByIni {
  readonly given: readonly Given[]
  readonly warnings: readonly string[]
}

async function readIni(path: string, sources: ConfigSources, mistakes: string[]): Promise<GivenByIni> {
  if (path === '') return { given: [], warnings: [] }
  const text = await sources.readFile(path)
  try {
    const { values, unused } = readCometIni(path, text)
    const given = values.map(
      ({ name, label, checked }): Given => ({ name, origin: 'ini', label, raw: { checked } }),
    )
    return {
      given,
      warnings: unused.length === 0 ? [] : [`${path}: not used by Encke: ${unused.join(', ')}`],
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    mistakes.push(...error.mistakes)
    return { given: [], warnings: [] }
  }
}

function givenByEnv(env: Readonly<Record<string, string | undefined>>, mistakes: string[]): Given[] {
  const given: Given[] = []
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(ENV_PREFIX) || variable === ENV_CONFIG || text === undefined) continue
    const name = optionByEnv.get(variable)
    if (name !== undefined) {
      given.push({ name, origin: 'env', label: `"${name}" (${variable})`, raw: { texts: [text] } })
      continue
    }
    mistakes.push(`"${variable}" in the environment: unknown option${suggestedVariable(variable)}`)
  }
  return given
}

/** Compared without the prefix all of them share, which would make everything look alike. */
function suggestedVariable(variable: string): string {
  const known = [...optionByEnv.keys(), ENV_CONFIG].map((name) => name.slice(ENV_PREFIX.length))
  const nearest = nearestName(variable.slice(ENV_PREFIX.length), known)
  return nearest === null ? '' : `, did you mean "${ENV_PREFIX}${nearest}"?`
}

function givenByFlags(flags: Readonly<Record<string, readonly string[]>>, mistakes: string[]): Given[] {
  const given: Given[] = []
  for (const [flag, texts] of Object.entries(flags)) {
    const name = optionByFlag.get(flag)
    if (name !== undefined) {
      given.push({ name, origin: 'flag', label: `"${name}" (--${flag})`, raw: { texts } })
      continue
    }
    mistakes.push(`"--${flag}" on the command line: unknown option${suggestion(flag, optionByFlag.keys())}`)
  }
  return given
}

interface CheckedGiven {
  /** undefined = unusable */
  readonly value?: OptionValue
  readonly mistakes: readonly string[]
}

async function checkGiven({ name, raw }: Given): Promise<CheckedGiven> {
  const option: Option = options[name]
  if ('checked' in raw) return plainOf(raw.checked)
  if ('value' in raw) {
    return option.kind === 'rules' ? rulesOf(raw.value) : plainOf(checkValue(option, raw.value))
  }
  if (option.kind === 'list') return plainOf(checkText(option, raw.texts.join(',')))
  const [text, ...more] = raw.texts
  if (text === undefined || more.length > 0) {
    return { mistakes: [`is given ${raw.texts.length} times, may be given once`] }
  }
  return option.kind === 'rules' ? await rulesOfText(text) : plainOf(checkText(option, text))
}

async function rulesOfText(text: string): Promise<CheckedGiven> {
  try {
    return rulesOf((await parseFragment('rules', text)) ?? [])
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { mistakes: error.mistakes }
  }
}

function rulesOf(value: unknown): CheckedGiven {
  const { rules, mistakes } = parseRules(value)
  return mistakes.length === 0 ? { value: rules, mistakes } : { mistakes }
}

function plainOf(checked: ReturnType<typeof checkValue>): CheckedGiven {
  return 'mistake' in checked ? { mistakes: [checked.mistake] } : { value: checked.value, mistakes: [] }
}

function isOptionName(key: string): key is OptionName {
  return Object.hasOwn(options, key)
}
