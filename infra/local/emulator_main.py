"""Runs the AWS emulator with Nagle's algorithm off, which otherwise adds 40 ms to each function call, and with the project's SSM document."""

import socketserver

import ministack.app

from infra.local import ssm_document

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

if __name__ == "__main__":
    ssm_document.install()
    ministack.app.main()
