"""browser - a headless Chromium, told what to do through its DevTools pipe:
messages in JSON with a NUL behind each, on descriptors 3 and 4."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE_S = 120


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fan-test-")
        hear, self.say_fd = self.pipe()
        self.hear_fd, say = self.pipe()

        def place():
            os.dup2(hear, 3)
            os.dup2(say, 4)

        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--remote-debugging-pipe", "--user-data-dir=" + self.folder],
            pass_fds=(3, 4), preexec_fn=place, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(hear)
        os.close(say)
        self.rest, self.number = b"", 0
        self.events = []  # of all pages: dialogs, exceptions, log entries

    @staticmethod
    def pipe():
        """With descriptors that are neither 3 nor 4."""
        ends = os.pipe()
        moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in ends]
        for fd in ends:
            os.close(fd)
        return moved

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        os.close(self.say_fd)
        os.close(self.hear_fd)
        shutil.rmtree(self.folder, ignore_errors=True)

    def hear(self, end_s):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.hear_fd], [], [],
                                        max(0, end_s - time.monotonic()))
            data = os.read(self.hear_fd, 1 << 20) if ready else b""
            if not data:
                raise AssertionError("the browser says nothing")
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.say_fd, json.dumps(message).encode() + b"\0")
        end_s = time.monotonic() + PATIENCE_S
        while True:
            heard = self.hear(end_s)
            if heard.get("id") == self.number:
                if "error" in heard:
                    raise AssertionError(f"{method}: {heard['error']}")
                return heard["result"]
            self.events.append(heard)

    def complaints(self):
        """What went wrong in a page: exceptions, errors in the log, dialogs
        that a script has opened."""
        return [event for event in self.events
                if event.get("method") in ("Runtime.exceptionThrown",
                                           "Page.javascriptDialogOpening")
                or (event.get("method") == "Log.entryAdded" and
                    event["params"]["entry"]["level"] == "error")]

    def open(self, url, width=1200, height=900, dark=False, phone=False):
        return Page(self, url, width, height, dark, phone)


class Page:
    def __init__(self, browser, url, width, height, dark, phone):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")
        self.session = browser.call(
            "Target.attachToTarget", targetId=target["targetId"],
            flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.size(width, height, phone)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def size(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=2 if phone else 1,
                  mobile=phone)

    def value(self, script):
        done = self.call("Runtime.evaluate", expression=script,
                         awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def until(self, script):
        """Waits until it is true; looked at again with each frame."""
        found = self.value("""new Promise(done => {
            const end = performance.now() + %d;
            (function look() {
                let found = false;
                try { found = !!(%s); } catch {}
                if (found || performance.now() > end) done(found);
                else setTimeout(look, 20);
            })();
        })""" % (PATIENCE_S * 500, script))
        if not found:
            raise AssertionError("it never happens: " + script)
        return found

    def text(self, selector):
        return self.value(f"document.querySelector({json.dumps(selector)})"
                          ".textContent")

    def click(self, selector):
        """With the mouse, where it is to be seen."""
        where = self.value("""(() => {
            const one = document.querySelector(%s);
            one.scrollIntoView({block: "center"});
            const box = one.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()""" % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=where[0],
                      y=where[1], button="left", clickCount=1)

    def key(self, key, code=0, text=""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key,
                      windowsVirtualKeyCode=code, text=text if kind ==
                      "keyDown" else "")

    def picture(self, path):
        shot = self.call("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
