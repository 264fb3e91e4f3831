<?php
/*
 * A chat, written as applications for CppComet are: the page listens to the node, and speaks to send.php.
 *
 *     encke serve --anonymous
 *     php -S 127.0.0.1:8000 -t examples/php-chat      # then open http://127.0.0.1:8000/ in two windows
 *
 * Nobody but the application may publish to a pipe that begins with trust_, and the node keeps what was said there.
 * Environment: COMET_NODE, where browsers find the node, and what send.php reads.
 */
$node = getenv('COMET_NODE') ?: '127.0.0.1:8080';
$tenant = getenv('COMET_TENANT') ?: '1';
?>
<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<link rel="icon" href="data:,">
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  form { display: flex; gap: .5rem }
  [name=text] { flex: 1 }
</style>
<h1>Chat</h1>
<ul id="messages"></ul>
<form id="form">
  <input name="name" placeholder="Name" required>
  <input name="text" placeholder="Message" autocomplete="off" required>
  <button>Send</button>
</form>
<p id="problem" role="alert"></p>

<script src="//<?= htmlspecialchars($node) ?>/CometServerApi.js"></script>
<script>
  const [form, messages, problem] = ['form', 'messages', 'problem'].map((id) => document.getElementById(id))

  function show({ data }) {
    const line = document.createElement('li')
    line.textContent = `${data.name}: ${data.text}`
    messages.append(line)
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const answer = await fetch('send.php', { method: 'POST', body: new FormData(form) })
    problem.textContent = answer.ok ? '' : await answer.text()
    if (answer.ok) form.text.value = ''
  })

  cometApi.start({ node: <?= json_encode($node) ?>, dev_id: <?= json_encode($tenant) ?> })
  // What was said so far, and from then on whatever is said.
  cometApi.get_pipe_log('trust_chat', show)
</script>
