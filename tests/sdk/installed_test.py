#!/usr/bin/env python3
"""installed_test.py BUILD SETTLED CMAKE CPACK: the SDK as others get it. Installs it to a folder of its own, builds the samples
of examples/patterns there as a separate project, with two compilers, through CMake and through pkg-config, and runs them
against a real daemon; then compares the Debian package with what was installed."""

import http.client
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

BUILD, SETTLED, CMAKE, CPACK = (Path(a) for a in sys.argv[1:5])
SOURCE = Path(__file__).resolve().parents[2]
COMPILERS = ("clang++-19", "g++-12")
STRICT = "-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Werror"
PATIENCE_S = 60  # ends failing tests, times nothing


def run(*command, cwd=None, env=None) -> str:
    """Its standard output."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-8000:]
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Below the range that the kernel hands out by itself."""
    held = []
    for port in range(20000 + os.getpid() % 10000, 32000):
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", port))
            held.append((port, probe))
        except OSError:
            probe.close()
        if len(held) == count:
            break
    for _, probe in held:
        probe.close()
    if len(held) < count:
        raise AssertionError("no port is free")
    return [port for port, _ in held]


class Process:
    """A child that ends with its `with`."""

    def __init__(self, *command, log: Path):
        if not Path(command[0]).exists():
            raise AssertionError(f"{command[0]} is missing; build it first")
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=out, stderr=out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()

    def until(self, holds):
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if self.child.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.child.args[0]} does not serve:\n{self.log.read_text()}")
            time.sleep(0.02)


def answers_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class InstalledSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="settle-sdk-")
        cls.root = Path(cls.folder.name)
        cls.prefix = cls.root / "prefix"
        run(CMAKE, "--install", BUILD, "--prefix", cls.prefix, "--component", "sdk")
        cls.include = cls.prefix / "include"
        cls.library = next(cls.prefix.glob("lib/**/libsettle_client.a")).parent
        cls.patterns = next(cls.prefix.glob("share/doc/**/patterns"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def pkg_config(self, *arguments) -> list[str]:
        env = os.environ | {"PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": str(self.library / "pkgconfig")}
        return run("pkg-config", *arguments, env=env).split()

    def play(self, binaries: Path):
        """All patterns with a real daemon; six seats."""
        place = binaries / "run"
        place.mkdir()
        api, admin, service = free_ports(3)
        coordinator = f"127.0.0.1:{api}"
        url = f"http://127.0.0.1:{service}"
        seats = place / "seats.db"
        with Process(SETTLED, f"--api.http={coordinator}", f"--admin.http=127.0.0.1:{admin}",
                     f"--store=embedded:{place / 'data'}", log=place / "settled.log") as daemon:
            daemon.until(lambda: answers_ready(admin))
            with Process(binaries / "service", service, coordinator, seats, log=place / "service.log") as serving:
                serving.until(lambda: "serving" in serving.log.read_text())
                self.assertEqual(run(binaries / "saga", coordinator, url), "committed\n")
                self.assertEqual(run(binaries / "tcc", coordinator, service), "committed\n")
                self.assertEqual(run(binaries / "message", coordinator, url, place / "orders.db"), "committed\n")
                # One seat is left: the second one is refused, and the first given back.
                for command in ("saga", coordinator, url), ("two_phase", coordinator, url), ("tcc", coordinator, service):
                    refused = subprocess.run([str(binaries / command[0]), *map(str, command[1:])], capture_output=True, text=True)
                    self.assertEqual(refused.returncode, 1, refused.stdout + refused.stderr)
                self.assertEqual(run(binaries / "coroutine", coordinator, url), "1 of 2 committed\n")
                self.settles(seats, free=0, held=4, sold=2)
        with sqlite3.connect(place / "orders.db") as orders:
            self.assertEqual(orders.execute("SELECT count(*) FROM orders").fetchone()[0], 1)

    def settles(self, file: Path, **expected):
        """The undoing of what was refused may still be under way when its outcome is told."""
        end = time.monotonic() + PATIENCE_S
        while True:
            with sqlite3.connect(file) as seats:
                found = dict(zip(("free", "held", "sold"), seats.execute("SELECT free, held, sold FROM seats").fetchone()))
            if found == expected or time.monotonic() > end:
                self.assertEqual(found, expected)
                return
            time.sleep(0.02)

    def test_every_public_header_stands_alone_and_needs_nothing_else(self):
        headers = sorted(p.relative_to(self.include).as_posix() for p in self.include.rglob("*.h"))
        self.assertIn("settle/client.h", headers)
        file = self.root / "alone.cpp"
        for header in headers:
            file.write_text(f"#include <{header}>\n#include <{header}>\n")
            run("clang++-19", *STRICT.split(), "-fsyntax-only", f"-I{self.include}", file)
        file.write_text("".join(f"#include <{header}>\n" for header in reversed(headers)))
        run("g++-12", *STRICT.split(), "-fsyntax-only", f"-I{self.include}", file)

    def test_FEAT_M22_the_samples_through_cmake(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                build = self.root / f"cmake-{compiler}"
                run(CMAKE, "-S", self.patterns, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}",
                    f"-DCMAKE_CXX_FLAGS={STRICT}", f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF")
                run(CMAKE, "--build", build)
                self.assertEqual(run(build / "service_test"), "committed\n")
                self.play(build)

    def test_the_readme_shows_a_sample_as_it_is(self):
        sample = (SOURCE / "examples/patterns/saga.cpp").read_text()
        self.assertIn("```cpp\n" + sample + "```", (SOURCE / "README.md").read_text())

    def test_the_samples_through_pkg_config(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                build = self.root / f"pkg-config-{compiler}"
                build.mkdir()
                for sample, package in (("saga", "settle"), ("message", "settle-barrier-sqlite"), ("service_test", "settle-testing")):
                    run(compiler, *STRICT.split(), *self.pkg_config("--cflags", package), self.patterns / f"{sample}.cpp",
                        "-o", build / sample, *self.pkg_config("--libs", package))
                self.assertEqual(run(build / "service_test"), "committed\n")
                nobody = subprocess.run([build / "saga"], capture_output=True)
                self.assertEqual(nobody.returncode, 64)

    def test_each_database_is_linked_alone(self):
        for database, handle in (("sqlite", "sqlite3"), ("postgres", "pg_conn"), ("mariadb", "st_mysql")):
            file = self.root / f"{database}.cpp"
            file.write_text(f"""#include <settle/barrier.h>
#include <iostream>
using settle::barrier::Made;
int main() {{
  {handle}* none = nullptr;
  const auto reply = settle::barrier::run(none, {{"gid", "branch", "action", ""}}, [](auto) {{ return Made::done(); }});
  std::cout << (reply.error ? "no connection" : "?");
}}
""")
            package = f"settle-barrier-{database}"
            binary = self.root / f"only-{database}"
            run("clang++-19", "-std=c++20", *self.pkg_config("--cflags", package), file, "-o", binary, *self.pkg_config("--libs", package))
            self.assertEqual(run(binary), "no connection")
            needed = run("readelf", "-d", binary)
            for driver, soname in (("sqlite", "libsqlite3"), ("postgres", "libpq"), ("mariadb", "libmariadb")):
                self.assertEqual(soname in needed, driver == database, needed)

    def test_versions_are_told(self):
        version = run(SETTLED, "--version").split()[1]
        self.assertEqual(self.pkg_config("--modversion", "settle"), [version])

    def test_nothing_of_the_build_machine_is_in_the_package_files(self):
        for file in self.prefix.rglob("*"):
            if file.suffix in {".cmake", ".pc", ".h"}:
                text = file.read_text()
                self.assertNotIn(str(BUILD), text, file)
                self.assertNotIn(str(self.prefix), text, file)

    def test_the_debian_package_holds_the_same_files(self):
        out = self.root / "deb"
        run(CPACK, "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", out, cwd=self.root)
        (package,) = out.glob("*.deb")
        self.assertTrue(package.name.startswith("libsettle-dev_"), package.name)
        listed = [line.split(maxsplit=5) for line in run("dpkg-deb", "-c", package).strip().split("\n")]
        packed = {entry[5].removeprefix("./usr/") for entry in listed if not entry[0].startswith("d")}
        installed = {f.relative_to(self.prefix).as_posix() for f in self.prefix.rglob("*") if f.is_file()}
        self.assertEqual(packed, installed)
        self.assertTrue(all(entry[1] == "root/root" for entry in listed), "somebody's own user is in the package")
        control = run("dpkg-deb", "-f", package)
        for field in ("Package: libsettle-dev", "Section: libdevel", "Depends: libstdc++-12-dev, libssl-dev"):
            self.assertIn(field, control)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)
