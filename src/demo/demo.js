/**
 * The demo page at work: what a page does with the browser client, in one file to read.
 *
 * Owns the connection to channel `demo` and everything that changes on the page. What arrives may be anything anyone
 * published, so it only ever becomes text (`textContent`), never markup. Bound: the newest 200 messages stay.
 */
const CHANNEL = 'demo'
const MAX_MESSAGES = 200
const ASK_ONLINE_EVERY_MS = 4_000
/** So near to the end counts as reading along. */
const AT_END_PX = 40

const NAMES = [
  'Halley',
  'Biela',
  'Borrelly',
  'Faye',
  'Tempel',
  'Wild',
  'Swift',
  'Tuttle',
  'Brorsen',
  'Holmes',
]

const byId = (id) => document.getElementById(id)
const scroll = byId('scroll')
const messages = byId('messages')

/** Positions this page got for what it published, until that arrives. */
const ownPositions = new Set()
/** The life of the channel that offsets count in; a restarted node begins a new one. */
let epoch = ''
let unseen = 0
let countdown = 0

const client = globalThis.Encke.createClient()

client.on('state', showState)
client.on('error', (error) => showProblem(error.message))

const subscription = client.subscribe(CHANNEL, showPublication)
subscription.on('subscribed', (position) => {
  epoch = position.epoch
  showPosition(position.offset)
  void askOnline()
})
subscription.on('gap', showGap)

byId('from').value = localStorage.getItem('encke.demo.from') ?? randomName()
byId('composer').addEventListener('submit', publish)
byId('retry').addEventListener('click', () => client.connect())
byId('newer').addEventListener('click', scrollToEnd)
byId('copy').addEventListener('click', copyCommand)
scroll.addEventListener('scroll', () => {
  if (isAtEnd()) forgetUnseen()
})
setInterval(askOnline, ASK_ONLINE_EVERY_MS)

client.connect()

/* Publishing */

async function publish(submit) {
  submit.preventDefault()
  const text = byId('text').value.trim()
  const from = byId('from').value.trim()
  if (text === '' || from === '') return
  localStorage.setItem('encke.demo.from', from)
  byId('text').value = ''
  try {
    const position = await client.publish(CHANNEL, { text, from })
    markOwn(`${position.epoch} ${position.offset}`)
    showProblem('')
  } catch (error) {
    showProblem(error.message)
    if (byId('text').value === '') byId('text').value = text
  }
}

/** The publication may arrive before the answer to publish or after it. */
function markOwn(position) {
  const item = [...messages.children].findLast((child) => child.dataset.position === position)
  if (item === undefined) ownPositions.add(position)
  else item.classList.add('own')
}

/* Messages */

function showPublication({ offset, data, event }) {
  const { from, body } = readable(data)
  const item = element('li', 'message')
  item.dataset.position = `${epoch} ${offset}`
  item.classList.toggle('own', ownPositions.delete(item.dataset.position))
  const who = from === null ? element('span', 'who application', 'application') : element('span', 'who', from)
  if (from !== null) who.style.color = colorOf(from)
  if (event !== undefined) who.append(element('span', 'tag', event))
  const when = element('time', 'when', `${new Date().toLocaleTimeString()} · #${offset}`)
  item.append(who, when, body)
  append(item)
  showPosition(offset)
}

/** Pages publish `{text, from}`; of all else a string is shown as text and the rest as the JSON it is. */
function readable(data) {
  if (typeof data === 'string') return { from: null, body: element('span', 'body', data) }
  if (typeof data?.text === 'string' && typeof data.from === 'string') {
    return { from: data.from, body: element('span', 'body', data.text) }
  }
  return { from: null, body: element('pre', 'body', JSON.stringify(data, null, 2)) }
}

function showGap({ from, to, reason }) {
  const missed = to - from + 1
  const what = missed === 1 ? '1 message' : `${missed} messages`
  append(element('li', 'break', reason === 'epoch' ? 'The channel began anew' : `Missed ${what} while away`))
}

function append(item) {
  const follow = isAtEnd()
  byId('empty').hidden = true
  messages.append(item)
  while (messages.children.length > MAX_MESSAGES) messages.firstElementChild.remove()
  if (follow) scrollToEnd()
  else showUnseen(unseen + 1)
}

function isAtEnd() {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < AT_END_PX
}

function scrollToEnd() {
  scroll.scrollTop = scroll.scrollHeight
  forgetUnseen()
}

function forgetUnseen() {
  showUnseen(0)
}

function showUnseen(count) {
  unseen = count
  byId('newer').textContent = `${count} new ↓`
  byId('newer').hidden = count === 0
}

/* State */

function showState(change) {
  clearInterval(countdown)
  byId('state').dataset.state = change.state
  byId('state-text').textContent = describeState(change)
  byId('countdown').textContent = ''
  byId('retry').hidden = change.state === 'connected' || change.state === 'connecting'
  if (change.state !== 'connected') byId('online').hidden = true
  if (change.state === 'waiting' && change.retryInMs < Number.POSITIVE_INFINITY) {
    const untilMs = performance.now() + change.retryInMs
    countDown(untilMs)
    countdown = setInterval(countDown, 1_000, untilMs)
  }
}

function describeState({ state, transport, retryInMs, reason, code }) {
  if (state === 'closed') return `closed: ${reason || code}`
  if (state === 'waiting' && retryInMs === Number.POSITIVE_INFINITY) return 'offline'
  // WebSockets may be blocked here; the page works all the same.
  return transport === undefined || transport === 'websocket' ? state : `${state} by ${transport}`
}

/** Beside the state, not in it: a screen reader says the state once and leaves out the seconds. */
function countDown(untilMs) {
  const seconds = Math.ceil((untilMs - performance.now()) / 1_000)
  byId('countdown').textContent = seconds > 0 ? `back in ${seconds} s` : ''
}

async function askOnline() {
  if (client.state !== 'connected' || document.hidden) return
  try {
    const { subscribers } = await client.stats(CHANNEL)
    byId('online-count').textContent = subscribers.toLocaleString()
    byId('online').hidden = false
  } catch {
    byId('online').hidden = true // not known just now; the next round asks again
  }
}

function showPosition(offset) {
  byId('position').textContent = offset === 0 ? '' : `offset ${offset.toLocaleString()}`
}

function showProblem(text) {
  byId('problem').textContent = text
  byId('problem').hidden = text === ''
}

/* Small things */

async function copyCommand() {
  const command = byId('command')
  const button = byId('copy')
  try {
    await navigator.clipboard.writeText(command.textContent)
    button.textContent = 'Copied'
  } catch {
    getSelection().selectAllChildren(command) // a page without https may not write to the clipboard
    button.textContent = 'Selected'
  }
  setTimeout(() => {
    button.textContent = 'Copy'
  }, 1_500)
}

function element(tag, className, text = '') {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}

/** The same name has the same colour on every page. */
function colorOf(name) {
  let hash = 0
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 360
  return `hsl(${hash} 60% var(--name-light))`
}

function randomName() {
  return `${NAMES[Math.floor(Math.random() * NAMES.length)]} ${Math.ceil(Math.random() * 99)}`
}
