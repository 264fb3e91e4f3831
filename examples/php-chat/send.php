<?php
/*
 * Takes what was typed in the page and publishes it with CometQL: the database that mysqli connects to is the node.
 *
 * Environment, with what is taken without it: COMET_HOST (127.0.0.1; localhost would mean a Unix socket to PHP),
 * COMET_PORT (3307), COMET_TENANT (1), COMET_PASSWORD (none).
 */
$said = ['name' => trim($_POST['name'] ?? ''), 'text' => trim($_POST['text'] ?? '')];
if ($said['name'] === '' || $said['text'] === '') {
    http_response_code(400);
    exit('A message needs a name and a text');
}

try {
    $comet = mysqli_connect(
        getenv('COMET_HOST') ?: '127.0.0.1',
        getenv('COMET_TENANT') ?: '1',
        getenv('COMET_PASSWORD') ?: '',
        'CometQL_v1',
        (int) (getenv('COMET_PORT') ?: 3307)
    );
    // Escaped, as any value of a query: the node undoes it. The page gets the object.
    $message = mysqli_real_escape_string($comet, json_encode($said));
    mysqli_query($comet, "INSERT INTO pipes_messages (name, event, message) VALUES ('trust_chat', 'said', '$message')");
} catch (mysqli_sql_exception $error) {
    http_response_code(502);
    exit("Not sent: {$error->getMessage()} ({$error->getCode()})");
}
http_response_code(204);
