<?php
/*
 * PHP's mysqli as applications use it: one job from stdin (JSON), its outcome to stdout (JSON).
 *
 * Owns both ways to say a query (texts escaped by the client, prepared statements) and what mysqli can do besides. A
 * refusal of the server is an outcome; anything else ends the program with words on stderr. See mysql-clients.ts.
 */
declare(strict_types=1);

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$job = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
try {
    $outcome = ['ok' => $job['do']($job)];
} catch (mysqli_sql_exception $refusal) {
    $outcome = ['refused' => ['code' => $refusal->getCode(), 'message' => $refusal->getMessage()]];
}
echo json_encode($outcome, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);

function connect(array $job): mysqli
{
    ['host' => $host, 'port' => $port, 'user' => $user, 'password' => $password, 'database' => $database] = $job['login'];
    $db = new mysqli();
    if (isset($job['login']['caFile'])) {
        $db->ssl_set(null, null, $job['login']['caFile'], null, null);
    }
    $flags = isset($job['login']['caFile']) ? MYSQLI_CLIENT_SSL : 0;
    $db->real_connect($host, $user, $password, $database, $port, null, $flags);
    return $db;
}

function login(array $job): string
{
    $db = connect($job);
    $comment = $db->query('SELECT @@version_comment')->fetch_row()[0];
    $db->close();
    return $comment;
}

function publish(array $job): int
{
    $db = connect($job);
    $db->set_charset('utf8mb4');
    $isPrepared = $job['way'] === 'prepare';
    foreach ($job['texts'] as $text) {
        foreach ([['pipes_messages', 'name', $job['pipe']], ['users_messages', 'id', $job['user']]] as [$table, $key, $to]) {
            if ($isPrepared) {
                $statement = $db->prepare("INSERT INTO $table ($key, event, message) VALUES (?, ?, ?)");
                $statement->bind_param('sss', $to, $job['event'], $text);
                $statement->execute();
                $statement->close();
            } else {
                $message = $db->real_escape_string($text);
                $db->query("INSERT INTO $table ($key, event, message)VALUES('$to', '{$job['event']}', '$message' );");
            }
        }
    }
    return count($job['texts']);
}

function read(array $job): array
{
    $db = connect($job);
    $users = implode(',', $job['users']);
    [$first, $second] = $job['pipes'];
    if ($job['way'] !== 'prepare') {
        return [
            'times' => $db->query("SELECT id, time FROM users_time WHERE id IN($users);")->fetch_all(),
            'counts' => $db->query("select * from pipes where name in( \"$first\", \"$second\");")->fetch_all(),
            'pages' => $db->query("SELECT name, user_id FROM users_in_pipes WHERE name = '$first'")->fetch_all(),
        ];
    }
    $ask = function (string $query, string $types, mixed ...$values) use ($db): array {
        $statement = $db->prepare($query);
        $statement->bind_param($types, ...$values);
        $statement->execute();
        return $statement->get_result()->fetch_all();
    };
    return [
        'times' => $ask('SELECT id, time FROM users_time WHERE id IN (?, ?)', 'ii', ...$job['users']),
        'counts' => $ask('SELECT * FROM pipes WHERE name IN (?, ?)', 'ss', $first, $second),
        'pages' => $ask('SELECT name, user_id FROM users_in_pipes WHERE name = ?', 's', $first),
    ];
}

/** What else applications call, one line for each. */
function features(array $job): array
{
    $db = connect($job);
    $isRefused = function (string $query) use ($db): array {
        try {
            $db->query($query);
            return [0, ''];
        } catch (mysqli_sql_exception) {
            return [$db->errno, $db->error];
        }
    };
    $results = [];
    $db->multi_query("INSERT INTO users_data (id, data) VALUES (41, 'it\\'s'); SELECT data FROM users_data WHERE id = 41; SELECT 1");
    do {
        $result = $db->store_result();
        $results[] = $result === false ? $db->affected_rows : $result->fetch_all();
    } while ($db->more_results() && $db->next_result());
    $facts = ['multi' => $results];
    $db->query("INSERT INTO users_auth (id, hash)VALUES('41', 'abc' )");
    $facts['written'] = [$db->affected_rows, $db->insert_id];
    $facts['charset'] = [$db->set_charset('utf8mb4'), $db->character_set_name()];
    $facts['database'] = $db->select_db('CometQL_v1');
    $facts['refused'] = $isRefused('INSERT INTO users_time (id, time) VALUES (1, 2)');
    $facts['syntax'] = $isRefused('SELEKT 1')[0];
    try {
        $db->select_db('shop');
    } catch (mysqli_sql_exception) {
        $facts['noDatabase'] = $db->errno;
    }
    $facts['changed'] = $db->change_user($job['other'], $job['login']['password'], 'CometQL_v1');
    $facts['otherTenant'] = $db->query('SELECT * FROM users_auth WHERE id = 41')->num_rows;
    $facts['changedBack'] = $db->change_user($job['login']['user'], $job['login']['password'], '');
    $row = $db->query('SELECT id, hash FROM users_auth WHERE id = 41')->fetch_assoc();
    $facts['row'] = $row;
    $fields = $db->query('SELECT id, hash FROM users_auth WHERE id = 41')->fetch_fields();
    $facts['fields'] = array_column($fields, 'name');
    $db->begin_transaction();
    $facts['committed'] = $db->commit();
    $facts['numeric'] = preg_match('/^\d+\.\d+\.\d+/', $db->server_info) === 1;
    $facts['ping'] = $db->ping();
    $facts['stat'] = $db->stat() !== '';
    $facts['bufferless'] = $db->query('SELECT 1', MYSQLI_USE_RESULT)->fetch_row();
    return $facts;
}
