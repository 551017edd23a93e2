"""The tutorial's kind of stack: Flask, Flask-JWT-Extended with RS256, SQLAlchemy; run by gunicorn with two workers."""

import os
from datetime import timedelta
from pathlib import Path

from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt_identity,
    jwt_required,
)
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

keys = Path(os.environ["KEYS"])
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["JWT_ALGORITHM"] = "RS256"
app.config["JWT_PRIVATE_KEY"] = (keys / "private.pem").read_text()
app.config["JWT_PUBLIC_KEY"] = (keys / "public.pem").read_text()
app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(hours=1)
db = SQLAlchemy(app)
jwt = JWTManager(app)


class Book(db.Model):
    __tablename__ = "flask_books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(db.String(100))
    author: Mapped[str] = mapped_column(db.String(50))

    def view(self):
        return {"id": self.id, "title": self.title, "author": self.author}


@app.post("/login")
def login():
    body = request.get_json()
    if (body["username"], body["password"]) != ("test", "test"):
        return jsonify(msg="Bad username or password"), 401
    return jsonify(access_token=create_access_token("test"), refresh_token=create_refresh_token("test"))


@app.post("/refresh")
@jwt_required(refresh=True)
def refresh():
    return jsonify(access_token=create_access_token(get_jwt_identity()))


@app.get("/protected")
@jwt_required()
def protected():
    return jsonify(logged_in_as=get_jwt_identity())


@app.get("/books/<int:number>")
@jwt_required()
def book(number):
    found = db.session.get(Book, number)
    return (jsonify(found.view()), 200) if found else (jsonify(error="Book not found."), 404)


@app.post("/books")
@jwt_required()
def create_book():
    body = request.get_json()
    book = Book(title=body["title"], author=body["author"])
    db.session.add(book)
    db.session.commit()
    return jsonify(book.view()), 201


def prepare():
    """Makes the table: once, before the workers start."""
    with app.app_context():
        db.drop_all()
        db.create_all()
        db.session.add_all(Book(title=f"Title {n}", author="Ursula K. Le Guin") for n in range(1, 101))
        db.session.commit()
