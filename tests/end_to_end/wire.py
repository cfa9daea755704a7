"""A wire between clients and a server that can be held, cut, counted and listened to. It forwards bytes, and knows nothing of TLS."""

import selectors
import socket
import threading


class Wire:
    """Listens on a port of its own; everything that is guarded by self.lock may be asked at any time."""

    def __init__(self, server_address, record=None):
        host, port = server_address.rsplit(":", 1)
        self.target = (host, int(port))
        self.record = record  # a file that gets every byte of both directions
        self.lock = threading.Lock()
        self.sent = self.received = 0  # by clients
        self.limits = {"sent": None, "received": None}
        self.held, self.cutting, self.is_cut = threading.Event(), threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.over = False
        self.thread = threading.Thread(target=self.forward, daemon=True)
        self.thread.start()

    def link(self, server_link):
        return f"hf://{self.address}#{server_link.split('#', 1)[1]}"

    def hold_after(self, sent=None, received=None):
        """From now on, when so many more bytes went by, nothing moves any more until release()."""
        with self.lock:
            self.held.clear()
            self.limits = {"sent": None if sent is None else self.sent + sent, "received": None if received is None else self.received + received}

    def release(self):
        with self.lock:
            self.limits = {"sent": None, "received": None}
            self.held.clear()

    def kill_command(self, home, *line, **limit):
        """Runs a command that is killed (-9) when so many bytes have passed (`limit`: as hold_after); with fewer it must end well."""
        self.hold_after(**limit)
        running = home.start(*line)
        if self.wait_held(running):
            running.kill()
        else:
            running.end(0)
        self.cut()

    def cut(self):
        """Every connection breaks off, and what was on the way is lost. Moves again afterwards."""
        self.is_cut.clear()
        self.cutting.set()
        self.is_cut.wait(10)
        self.release()

    def wait_held(self, running, seconds=120):
        """True when the wire is held; False when the command ended before."""
        for _ in range(seconds * 100):
            if self.held.wait(0.01):
                return True
            if running.is_over():
                return False
        raise AssertionError(f"neither was the wire held nor did the command end within {seconds} s")

    def close(self):
        self.over = True
        self.thread.join(5)

    def forward(self):
        while not self.over:
            if self.cutting.is_set():
                self.cutting.clear()
                for key in list(self.selector.get_map().values()):
                    if key.data is not None:
                        self.selector.unregister(key.fileobj)
                        key.fileobj.close()
                self.is_cut.set()
            for key, _ in self.selector.select(0.05):
                if key.data is None:
                    self.accept()
                elif not self.is_held():
                    self.move(key.fileobj, *key.data)
                else:
                    threading.Event().wait(0.005)

    def is_held(self):
        with self.lock:
            full = any(limit is not None and getattr(self, name) >= limit for name, limit in self.limits.items())
        if full:
            self.held.set()
        return full

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()  # the server is gone: so is this connection
            return
        server.settimeout(30)
        client.settimeout(30)
        self.selector.register(client, selectors.EVENT_READ, (server, "sent"))
        self.selector.register(server, selectors.EVENT_READ, (client, "received"))

    def move(self, source, target, direction):
        with self.lock:
            limit = self.limits[direction]
            room = 1 << 16 if limit is None else max(1, min(1 << 16, limit - getattr(self, direction)))
        try:
            piece = source.recv(room)
            if piece:
                target.sendall(piece)
        except OSError:
            piece = b""
        if not piece:
            for side in (source, target):
                try:
                    self.selector.unregister(side)
                except (KeyError, ValueError):
                    continue
                side.close()
            return
        with self.lock:
            setattr(self, direction, getattr(self, direction) + len(piece))
        if self.record:
            self.record.write(piece)


def home_on_wire(story, name, server):
    """A device whose way to the server a test holds in its hand."""
    wire = Wire(server.listen)
    home = story.home(name, server, signed_up=False)
    home.run("signup", name, "--server", wire.link(server.link), "--no-passphrase")
    return home, wire
