"""Runs the AWS emulator with Nagle's algorithm off, which otherwise adds 40 ms to each function call."""

import socketserver

import ministack.app

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

if __name__ == "__main__":
    ministack.app.main()
