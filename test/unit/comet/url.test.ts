/**
 * Tests of src/comet/url.ts: what a page says in its address, in any order, and what is refused.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readCometUrl } from '../../../src/comet/url.ts'
import { MAX_TENANT } from '../../../src/core/tenants.ts'

const UUID = '0123456789abcdefghijklmnopqrstuv'
const URL = `/ws/sesion=key&myid=7&devid=15&v=4.08&uuid=${UUID}&api=js`
const page = { tenant: 15, user: '7', key: 'key', uuid: UUID, dialect: 'v4', isScript: true }

describe('address of a page', () => {
  test('address is read from the last part of the path, under any prefix, or from the query', () => {
    const said = URL.slice('/ws/'.length)
    for (const prefix of ['/ws/', '//ws/', '/comet-server/ws/', '//comet-server/ws/', '/ws/?', '/', '']) {
      assert.deepEqual(readCometUrl(prefix + said), page, prefix)
    }
  })

  test('address holds its members in any order', () => {
    const said = `/ws/api=js&v=4.08&uuid=${UUID}&devid=15&sesion=key&myid=7`
    assert.deepEqual(readCometUrl(said), page)
  })

  test('address with other names is read by their places, as the original does', () => {
    const said = readCometUrl(`/ws/hash=key&user=7&tenan=15&w=4.08&uuid=${UUID}`)
    assert.deepEqual(said, { ...page, isScript: false })
  })

  test('members that were not given come as the word undefined', () => {
    const said = readCometUrl(
      '/ws/sesion=undefined&myid=undefined&devid=undefined&v=4.08&uuid=undefined&api=js',
    )
    assert.deepEqual(said, { tenant: 0, user: '', key: '', uuid: '', dialect: 'v4', isScript: true })
  })

  test('keys may hold equals signs, slashes and pluses', () => {
    const said = readCometUrl('/comet-server/ws/sesion=aGFz/aDc+=&myid=7&devid=1&v=4.08')
    assert.equal('key' in said && said.key, 'aGFz/aDc+=')
  })

  for (const [text, user] of [
    ['0', ''],
    ['-7', ''],
    ['7a', ''],
    ['', ''],
    ['007', '7'],
    ['9'.repeat(15), '9'.repeat(15)],
    ['9'.repeat(16), ''],
  ] as const) {
    test(`user ${JSON.stringify(text)} is ${JSON.stringify(user)}`, () => {
      const said = readCometUrl(`/ws/sesion=k&myid=${text}&devid=1&v=4.08`)
      assert.equal('user' in said ? said.user : said, user)
    })
  }

  for (const [text, tenant] of [
    [String(MAX_TENANT), MAX_TENANT],
    [String(MAX_TENANT + 1), 0],
    ['-1', 0],
    ['x', 0],
  ] as const) {
    test(`tenant ${text} is ${tenant}`, () => {
      const said = readCometUrl(`/ws/sesion=k&myid=0&devid=${text}&v=4.08`)
      assert.equal('tenant' in said ? said.tenant : said, tenant)
    })
  }

  for (const [version, dialect] of [
    ['4.08', 'v4'],
    ['10.0', 'v4'],
    ['3.25', 'v3'],
    ['0.1', 'v3'],
  ] as const) {
    test(`page of version ${version} gets messages of ${dialect}`, () => {
      assert.equal(readCometUrl(`/ws/sesion=k&myid=0&devid=1&v=${version}`).dialect, dialect)
    })
  }

  test('key and name of the browser are cut at their bounds', () => {
    const said = readCometUrl(`/ws/sesion=${'k'.repeat(700)}&myid=0&devid=1&v=4.08&uuid=${UUID}more`)
    assert.ok('key' in said)
    assert.deepEqual([said.key.length, said.uuid], [600, UUID])
  })

  test('name of the browser ends at what no name holds', () => {
    const said = readCometUrl('/ws/sesion=k&myid=0&devid=1&v=4.08&uuid=ab~cd')
    assert.equal('uuid' in said && said.uuid, 'ab')
  })
})

describe('address that is no good', () => {
  for (const [url, code, dialect] of [
    ['/ws/', 401, 'v3'],
    ['/ws/sesion=key', 401, 'v3'],
    ['/ws/sesion=key&v=4.08', 401, 'v4'],
    ['/ws/sesion=key&myid=0', 406, 'v3'],
    ['/ws/sesion=key&myid=0&v=4.08', 406, 'v4'],
    ['/ws/sesion=key&myid=0&devid=1', 418, 'v3'],
    ['/ws/sesion=key&myid=0&devid=1&v=4', 418, 'v3'],
    ['/ws/sesion=key&myid=0&devid=1&v=x.y', 418, 'v3'],
    ['/ws/sesion=key&myid=0&devid=1&v=4.x', 418, 'v4'],
    ['/ws/sesion=key&myid=0&devid=1&uuid=4.08', 418, 'v3'],
  ] as const) {
    test(`${url} is refused with ${code}, in the words of ${dialect}`, () => {
      const fault = readCometUrl(url)
      assert.ok('error' in fault)
      assert.deepEqual([fault.code, fault.dialect], [code, dialect])
      assert.match(fault.error, new RegExp(`^Error code ${code}\\(Invalid request`))
    })
  }
})
