<?php
/*
 * PHP's PDO as applications use it: one job from stdin (JSON), its outcome to stdout (JSON).
 *
 * Owns both kinds of prepared statements (emulated, which is the default, and native) and quote(). A refusal of the
 * server is an outcome; anything else ends the program with words on stderr. See mysql-clients.ts.
 */
declare(strict_types=1);

$job = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
try {
    $outcome = ['ok' => $job['do']($job)];
} catch (PDOException $refusal) {
    // Of a connection the code is the server's; of a statement it is the SQLSTATE, and the server's is beside it.
    $code = $refusal->errorInfo[1] ?? $refusal->getCode();
    $outcome = ['refused' => ['code' => (int) $code, 'message' => $refusal->getMessage()]];
}
echo json_encode($outcome, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);

function connect(array $job): PDO
{
    ['host' => $host, 'port' => $port, 'user' => $user, 'password' => $password, 'database' => $database] = $job['login'];
    $dsn = "mysql:host=$host;port=$port;charset=utf8mb4" . ($database === '' ? '' : ";dbname=$database");
    $options = [PDO::ATTR_EMULATE_PREPARES => ($job['way'] ?? '') !== 'native'];
    if (isset($job['login']['caFile'])) {
        $options[PDO::MYSQL_ATTR_SSL_CA] = $job['login']['caFile'];
    }
    return new PDO($dsn, $user, $password, $options);
}

function login(array $job): string
{
    return connect($job)->query('SELECT @@version_comment')->fetchColumn();
}

function publish(array $job): int
{
    $db = connect($job);
    $toPipe = $db->prepare('INSERT INTO pipes_messages (name, event, message) VALUES (:name, :event, :message)');
    $toUser = $db->prepare('INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)');
    foreach ($job['texts'] as $text) {
        $toPipe->execute(['name' => $job['pipe'], 'event' => $job['event'], 'message' => $text]);
        if ($job['way'] === 'native') {
            $toUser->execute([$job['user'], $job['event'], $text]);
        } else {
            $db->exec("INSERT INTO users_messages (id, event, message)
                       VALUES ({$job['user']}, '{$job['event']}', {$db->quote($text)})");
        }
    }
    return count($job['texts']);
}

function read(array $job): array
{
    $db = connect($job);
    $ask = function (string $query, array $values) use ($db): array {
        $statement = $db->prepare($query);
        $statement->execute($values);
        return $statement->fetchAll(PDO::FETCH_NUM);
    };
    return [
        'times' => $ask('SELECT id, time FROM users_time WHERE id IN (?, ?)', $job['users']),
        'counts' => $ask('SELECT * FROM pipes WHERE name IN (?, ?)', $job['pipes']),
        'pages' => $ask('SELECT name, user_id FROM users_in_pipes WHERE name = ?', [$job['pipes'][0]]),
    ];
}

/** What a connection without autocommit tells of its transactions, by what was done before. */
function autocommit(array $job): array
{
    ['host' => $host, 'port' => $port, 'user' => $user, 'password' => $password, 'database' => $database] = $job['login'];
    $options = [PDO::ATTR_AUTOCOMMIT => 0, PDO::ATTR_EMULATE_PREPARES => $job['way'] !== 'native'];
    $db = new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $password, $options);
    $insert = $db->prepare('INSERT INTO users_data (id, data) VALUES (?, ?)');
    $facts = ['login' => $db->inTransaction()];
    foreach (['commit' => 61, 'rollBack' => 62] as $end => $id) {
        $insert->execute([$id, 'text']);
        $facts["insert, $end"] = [$db->inTransaction(), $db->$end(), $db->inTransaction()];
    }
    $facts['insertId'] = $db->query('SELECT LAST_INSERT_ID()')->fetchColumn();
    $db->query('SELECT data FROM users_data')->fetchAll();
    $facts['select'] = $db->inTransaction();
    $db->setAttribute(PDO::ATTR_AUTOCOMMIT, 1);
    $facts['on again'] = [$db->inTransaction(), $db->query('SELECT @@autocommit')->fetchColumn()];
    $insert->execute([63, 'text']);
    $facts['insert'] = $db->inTransaction();
    return $facts;
}

/** What else applications call, one line for each. */
function features(array $job): array
{
    $db = connect($job);
    // The OK packet of an INSERT tells how to escape from then on: the second text must be escaped as the first was.
    $quoted = [];
    foreach (["it's", "it's \\ again"] as $n => $text) {
        $quoted[] = $db->quote($text);
        $id = 51 + $n;
        $facts['written'][] = $db->exec("INSERT INTO users_data (id, data) VALUES ($id, {$quoted[$n]})");
    }
    $facts['insertId'] = $db->lastInsertId();
    $facts['sameEscapes'] = array_map(fn (string $text) => str_contains($text, "\\'"), $quoted);
    $facts['data'] = $db->query('SELECT id, data FROM users_data WHERE id IN (51, 52)')->fetchAll(PDO::FETCH_KEY_PAIR);
    $statement = $db->prepare('DELETE FROM users_data WHERE id = ?');
    $statement->execute([51]);
    $facts['left'] = $db->query('SELECT COUNT(*) FROM users_data WHERE id IN (51, 52)')->fetchColumn();
    try {
        $db->query('SELECT * FROM nothing');
    } catch (PDOException) {
        $facts['refused'] = array_slice($db->errorInfo(), 0, 2);
    }
    $facts['transaction'] = [$db->beginTransaction(), $db->commit()];
    $facts['numeric'] = preg_match('/^\d+\.\d+\.\d+/', $db->getAttribute(PDO::ATTR_SERVER_VERSION)) === 1;
    $limited = $db->prepare('SELECT hash FROM users_auth WHERE id = :id LIMIT :limit');
    $limited->bindValue('id', $job['user'], PDO::PARAM_INT);
    $limited->bindValue('limit', 1, PDO::PARAM_INT);
    $limited->execute();
    $facts['limited'] = $limited->fetchAll(PDO::FETCH_ASSOC);
    return $facts;
}
