#!/usr/bin/env python3
"""Publishes, and tells who is there, with CometQL: PyMySQL talks to the node as to a database.

    python3 examples/python/cometql.py publish web_news '{"title": "Comet sighted"}' --event headline
    python3 examples/python/cometql.py send 7 "it's for user 7"
    python3 examples/python/cometql.py users 7 8           # who of them is online, or when they were last
    python3 examples/python/cometql.py pipes web_news      # how many pages are on a pipe, and whose

Environment, with what is taken without it: COMET_HOST (127.0.0.1), COMET_PORT (3307), COMET_TENANT (1), COMET_PASSWORD
(none). Needs PyMySQL (Debian: python3-pymysql). Ends with 1 when the node refused, and says why.
"""

import argparse
import os
import sys
import time

import pymysql


def connect():
    return pymysql.connect(
        host=os.environ.get("COMET_HOST", "127.0.0.1"),
        port=int(os.environ.get("COMET_PORT", "3307")),
        user=os.environ.get("COMET_TENANT", "1"),
        password=os.environ.get("COMET_PASSWORD", ""),
        database="CometQL_v1",
        cursorclass=pymysql.cursors.DictCursor,
    )


def publish(cursor, given):
    cursor.execute(
        "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)",
        (given.pipe, given.event, given.message),
    )


def send(cursor, given):
    """Is kept for a user who is not there, until the next visit."""
    cursor.execute(
        "INSERT INTO users_messages (id, event, message) VALUES (%s, %s, %s)",
        (given.user, given.event, given.message),
    )


def users(cursor, given):
    cursor.execute("SELECT id, time FROM users_time WHERE id IN %s", (given.user,))
    for row in cursor.fetchall():
        print(f"user {row['id']}: {seen(int(row['time']))}")


def seen(moment):
    """What users_time tells: 0 for who is here, -1 for who never was, else seconds since 1970."""
    if moment <= 0:
        return "online" if moment == 0 else "never seen"
    return f"last seen {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(moment))}"


def pipes(cursor, given):
    cursor.execute("SELECT name, users FROM pipes WHERE name IN %s", (given.pipe,))
    counts = cursor.fetchall()
    cursor.execute("SELECT name, user_id, ip FROM users_in_pipes WHERE name IN %s", (given.pipe,))
    pages = cursor.fetchall()
    for row in counts:
        print(f"pipe {row['name']}: {row['users']}")
        for page in pages:
            if page["name"] == row["name"]:
                print(f"  user {page['user_id']} from {page['ip']}")


def read_arguments():
    arguments = argparse.ArgumentParser(description="Talks CometQL to an Encke node.")
    commands = arguments.add_subparsers(dest="command", required=True)
    for run, places in ((publish, ("pipe", "message")), (send, ("user", "message"))):
        command = commands.add_parser(run.__name__)
        for place in places:
            command.add_argument(place)
        command.add_argument("--event", default="")
        command.set_defaults(run=run)
    for run, place in ((users, "user"), (pipes, "pipe")):
        command = commands.add_parser(run.__name__)
        command.add_argument(place, nargs="+")
        command.set_defaults(run=run)
    return arguments.parse_args()


def main():
    given = read_arguments()
    try:
        with connect() as connection, connection.cursor() as cursor:
            given.run(cursor, given)
    except pymysql.MySQLError as error:
        print(f"The node refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
