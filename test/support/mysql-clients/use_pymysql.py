#!/usr/bin/env python3
"""Python's PyMySQL as applications use it: one job from stdin (JSON), its outcome to stdout (JSON).

Owns values given to execute and executemany, and what else PyMySQL can do. A refusal of the server is an outcome;
anything else ends the program with words on stderr. See mysql-clients.ts.
"""

import json
import sys

import pymysql

TO_PIPE = "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)"
TO_USER = "INSERT INTO users_messages (id, event, message) VALUES (%s, %s, %s)"


def connect(job, **options):
    login = dict(job["login"])
    login["database"] = login["database"] or None
    if "caFile" in login:
        options["ssl"] = {"ca": login.pop("caFile")}
    return pymysql.connect(**login, **options)


def login(job):
    with connect(job) as db, db.cursor() as cursor:
        cursor.execute("SELECT @@version_comment")
        return cursor.fetchone()[0]


def publish(job):
    rows = [
        (TO_PIPE, [(job["pipe"], job["event"], text) for text in job["texts"]]),
        (TO_USER, [(job["user"], job["event"], text) for text in job["texts"]]),
    ]
    with connect(job) as db, db.cursor() as cursor:
        for query, values in rows:
            if job["way"] == "executemany":
                cursor.executemany(query, values)
            else:
                for one in values:
                    cursor.execute(query, one)
        db.commit()
    return len(job["texts"])


def read(job):
    with connect(job) as db, db.cursor() as cursor:

        def ask(query, values):
            cursor.execute(query, values)
            return cursor.fetchall()

        return {
            "times": ask("SELECT id, time FROM users_time WHERE id IN %s", (job["users"],)),
            "counts": ask("SELECT * FROM pipes WHERE name IN %s", (job["pipes"],)),
            "pages": ask("SELECT name, user_id FROM users_in_pipes WHERE name = %s", (job["pipes"][0],)),
        }


def features(job):
    """What else applications call, one line for each."""
    facts = {}
    with connect(job, cursorclass=pymysql.cursors.DictCursor) as db:
        db.ping()
        with db.cursor() as cursor:
            rows = [(61, "it's"), (62, 'a "b"'), (63, "☄ 100%")]
            facts["many"] = cursor.executemany("INSERT INTO users_data (id, data) VALUES (%s, %s)", rows)
            cursor.execute("SELECT id, data FROM users_data WHERE id IN %s ORDER BY id DESC LIMIT 2", ([61, 62, 63],))
            facts["dictionaries"] = cursor.fetchall()
            facts["deleted"] = cursor.execute("DELETE FROM users_data WHERE id = %s", 61)
            cursor.execute("INSERT INTO users_auth (id, hash) VALUES (61, 'abc')")
            facts["insertId"] = cursor.lastrowid
            try:
                cursor.execute("SELECT nothing FROM pipes WHERE name = %s", "web_x")
            except pymysql.MySQLError as error:
                facts["refused"] = error.args[0]
        facts["numeric"] = db.get_server_info()[0].isdigit()
        db.select_db("CometQL_v1")
        db.rollback()
        facts["threads"] = db.thread_id() > 0
    with connect(job, cursorclass=pymysql.cursors.SSCursor) as db, db.cursor() as cursor:
        cursor.execute("SELECT id FROM users_data WHERE id IN (62, 63)")
        facts["streamed"] = [row[0] for row in cursor]
    return facts


def main():
    job = json.load(sys.stdin)
    try:
        outcome = {"ok": {"login": login, "publish": publish, "read": read, "features": features}[job["do"]](job)}
    except pymysql.MySQLError as error:
        outcome = {"refused": {"code": error.args[0], "message": str(error.args[1])}}
    json.dump(outcome, sys.stdout)


main()
