/**
 * Tests of src/client/comet/pipe-name.ts: every form of a name, its signal and its pipe.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseName } from '../../../../src/client/comet/pipe-name.ts'

const cases: [name: string, signal: string, pipe: string | null][] = [
  ['web_a', 'web_a', 'web_a'],
  ['web_a.said', 'web_a.said', 'web_a'],
  ['web_a.said.loud', 'web_a.said.loud', 'web_a'],
  ['ab', 'ab', 'ab'],
  ['user_status_17.online', 'user_status_17.online', 'user_status_17'],
  ['messages', 'messages', 'messages'],
  ['system', 'system', 'system'],
  ['msg', 'msg', null],
  ['msg.pm', 'msg.pm', null],
  ['#web_a', '_answer_to_web_a', null],
  ['answer_to_web_a', '_answer_to_web_a', null],
  ['_answer_to_web_a', '_answer_to_web_a', null],
  ['_answer_pipe_count', '_answer_pipe_count', null],
  ['', 'comet_server_msg', null],
  ['comet_server_msg', 'comet_server_msg', null],
  ['sys.error', 'sys.error', null],
]

for (const [name, signal, pipe] of cases) {
  test(`name "${name}" listens to ${signal} and asks for ${pipe ?? 'nothing'}`, () => {
    assert.deepEqual(parseName(name), { signal, pipe, isPlain: true })
  })
}

test('name of one letter is none', () => {
  assert.equal(parseName('a'), null)
})

test('name of other letters is one, but not plain', () => {
  assert.deepEqual(parseName('web_жук'), { signal: 'web_жук', pipe: 'web_жук', isPlain: false })
})
