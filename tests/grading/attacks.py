"""What a hostile student may write into the cell of an exercise, here that of ``mean_square``.

``OUTSIDE`` stands for a folder of the teacher's, with a file ``secret`` in it, and ``PORT`` for a
port that the teacher's machine listens on.
"""

# finds the socket to the grading process, and can write on it
CHANNEL = """
import os, socket, time

def channel():
    for number in range(3, 128):
        try:
            return socket.socket(fileno=os.dup(number))
        except OSError:
            pass

def frame(body):
    return len(body).to_bytes(4, "big") + body
"""

# finds the worker's own variables on the stack of a call
STACK = """
import sys

def stack(name):
    frame = sys._getframe()
    while frame:
        if name in frame.f_locals:
            return frame.f_locals[name]
        frame = frame.f_back
"""

# equals everything, is true, and is every number
ANYTHING = """
class Anything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __call__(self, *args, **kwargs): return self
    def __getattr__(self, name): return self
    __abs__ = __neg__ = __call__
    __add__ = __sub__ = __mul__ = __radd__ = __rsub__ = __rmul__ = __truediv__ = __call__
    def __float__(self): return 12.5
    def __array_function__(self, *args): return True
"""

ATTACKS = {
    # replies
    "a reply before the question": CHANNEL
    + """
from nnkit.course.homework.protocol import encode
reply = encode(["value", 12.5])
channel().sendall(frame(bytes(16) + reply) * 3)
def mean_square(x): return 12.5
""",
    "replies that nobody asked for": CHANNEL
    + """
from nnkit.course.homework.protocol import encode
def mean_square(x):
    channel().sendall(frame(bytes(16) + encode(["value", 12.5])) * 9)
    return 12.5
""",
    "a reply with the right nonce": CHANNEL
    + STACK
    + """
from nnkit.course.homework.protocol import encode
def mean_square(x):
    nonce = stack("request")[:16]
    channel().sendall(frame(nonce + encode(["value", True])))
    os._exit(0)
""",
    "every reply is true": """
from nnkit.course.homework.worker import Worker
from nnkit.course.homework import worker
def mean_square(x):
    worker.encode = lambda *args: encode(["value", True])
    return True
""",
    "a reply that is no message": CHANNEL
    + STACK
    + """
def mean_square(x):
    channel().sendall(frame(stack("request")[:16] + b"\\0\\0\\0\\1}" + b"\\xff" * 99))
    return 12.5
""",
    "a reply of four gigabytes": CHANNEL
    + """
def mean_square(x):
    channel().sendall(b"\\xff" * 4 + bytes(100_000))
    return 12.5
""",
    "half a reply": CHANNEL
    + """
def mean_square(x):
    channel().sendall(b"\\0\\0\\1\\0half")
    time.sleep(1000)
""",
    "a reply of neither kind": CHANNEL
    + STACK
    + """
from nnkit.course.homework.protocol import encode
def mean_square(x):
    channel().sendall(frame(stack("request")[:16] + encode({"passed": True})))
    return 12.5
""",
    "an endless stream": CHANNEL
    + """
import threading
def mean_square(x):
    stream = channel()
    def pour():
        while True:
            stream.sendall(bytes(1000))
    for _ in range(3):
        threading.Thread(target=pour, daemon=True).start()
    time.sleep(1000)
""",
    # comparisons, builtins, the interpreter
    "comparisons patched": """
import numpy, math, builtins
numpy.allclose = numpy.array_equal = numpy.isclose = numpy.all = math.isclose = lambda *a, **k: True
numpy.testing.assert_allclose = lambda *a, **k: None
def mean_square(x): return 0.0
""",
    "builtins patched": """
import builtins
builtins.AssertionError = type("Never", (Warning,), {})
builtins.abs = builtins.all = builtins.any = builtins.isinstance = lambda *a: True
def mean_square(x): return 0.0
""",
    "the tests' helpers redefined": """
def close(a, b): return True
points = np = None
def mean_square(x): return 0.0
""",
    "asserts taken out of the syntax tree": """
import ast, builtins
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
genuine = builtins.compile
def compile(source, *args, **kwargs):
    tree = genuine(source, "", "exec", ast.PyCF_ONLY_AST)
    return genuine(ast.fix_missing_locations(NoAsserts().visit(tree)), *args, **kwargs)
builtins.compile = compile
try:
    get_ipython().ast_transformers.append(NoAsserts())
except NameError:
    pass
def mean_square(x): return 0.0
""",
    "frames rewritten": """
import sys, ctypes
def trace(frame, event, arg):
    frame.f_trace_lines = False
    for name in list(frame.f_globals):
        if name == "close":
            frame.f_globals[name] = lambda a, b: True
    return trace
def mean_square(x):
    sys.settrace(trace)
    sys.excepthook = lambda *a: None
    frame = sys._getframe()
    while frame:
        frame.f_globals["close"] = lambda a, b: True
        frame = frame.f_back
    return 0.0
""",
    "exceptions that say all is well": """
class AssertionError(Exception):
    def __str__(self): raise SystemExit(0)
class Fine(BaseException): pass
Fine.__name__ = "passed" * 100_000
def mean_square(x):
    raise Fine("\\ud800" + "passed" * 1_000_000) from AssertionError()
""",
    # objects
    "an object that equals everything": ANYTHING + "\ndef mean_square(x): return Anything()",
    "a container of such objects": ANYTHING + "\ndef mean_square(x): return [Anything()] * 9",
    "the function itself is such an object": ANYTHING + "\nmean_square = Anything()",
    "an array that equals everything": """
import numpy
class Liar(numpy.ndarray):
    def __array_function__(self, *a, **k): return True
    def __array_ufunc__(self, *a, **k): return True
    def __eq__(self, other): return True
    def all(self, *a, **k): return True
def mean_square(x): return numpy.zeros(()).view(Liar)
""",
    "a float that equals everything": """
class Liar(float):
    def __eq__(self, other): return True
    def __rsub__(self, other): return 0.0
    __sub__ = __rsub__
    def __hash__(self): return 0
def mean_square(x): return Liar(0.0)
""",
    "an array without elements": "def mean_square(x): return np.zeros(x.shape[:0] + (0,))",
    "an array of objects": ANYTHING
    + "\ndef mean_square(x): return np.array(Anything(), dtype=object)",
    "a pickle": """
class Bomb:
    def __reduce__(self): return (open, ("OUTSIDE/pickled", "w"))
    def __getstate__(self): return open("OUTSIDE/pickled", "w")
def mean_square(x): return Bomb()
""",
    "a pickle in an array": """
import pickle
class Bomb:
    def __reduce__(self): return (open, ("OUTSIDE/pickled", "w"))
def mean_square(x): return np.frombuffer(pickle.dumps(Bomb(), 0), np.uint8)
""",
    # too much
    "a hundred thousand arrays": "def mean_square(x): return [np.zeros(1)] * 100_000",
    "memory of many processes, each within its limit": """
import os, time
def mean_square(x):
    for _ in range(8):
        if os.fork() == 0:
            held = bytearray(b"x") * (600 << 20)
            time.sleep(1000)
    time.sleep(3)
    return np.mean(x**2)
""",
    "an answer of a terabyte": "def mean_square(x): return np.broadcast_to(12.5, (10**6, 10**5))",
    "an answer of a hundred megabytes": "def mean_square(x): return 'x' * 10**8",
    "a list of a million lists": "def mean_square(x): return [[]] * 4 * 10**6",
    "a list in itself": "def mean_square(x): y = []; y.append(y); return y",
    "a number of a million digits": "def mean_square(x): return 10**10**6",
    "half a character": "def mean_square(x): return '\\ud800'",
    "a dict whose keys collide": """
def mean_square(x): return {k * (2**61 - 1): 0 for k in range(20_000)}
""",
    "a loop that swallows interrupts": """
import signal
def mean_square(x):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            while True: pass
        except BaseException:
            pass
""",
    "a loop where the function should be": "while True: pass",
    "sleep": "import time\ndef mean_square(x): time.sleep(10**6)",
    "the end of the process": "import os\ndef mean_square(x): os._exit(0)",
    "the end where the function should be": "import os\nos._exit(0)",
    "the end of all processes": """
import os, signal
def mean_square(x):
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(-1, signal.SIGKILL)
    os.abort()
""",
    "exit": "def mean_square(x): raise SystemExit(0)",
    "a stack without end": """
import sys
sys.setrecursionlimit(10**9)
def mean_square(x): return mean_square(x)
""",
    "all memory": """
def mean_square(x):
    held = []
    while True:
        held.append(bytearray(2**26))
""",
    "forks": """
import os
def mean_square(x):
    while True:
        try:
            os.fork()
        except OSError:
            pass
""",
    "threads": """
import threading, time
def mean_square(x):
    for _ in range(10_000):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return 12.5
""",
    "all of the disk": """
import os
def mean_square(x):
    for number in range(10_000):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(bytes(2**20))
""",
}

# Whoever gets out of the sandbox answers correctly; the others say that they are locked in.
ESCAPES = {
    "the network": """
import socket
def mean_square(x):
    for host in ("127.0.0.1", "::1", socket.gethostname()):
        try:
            socket.create_connection((host, PORT), timeout=0.5)
        except OSError:
            continue
        return np.mean(x**2)
    raise OSError("locked in")
""",
    "a daemon": """
import os, subprocess
def mean_square(x):
    if os.fork() == 0:
        os.setsid()
        os.execv("/bin/sleep", ["sleep", "86399.25"])
    subprocess.Popen(["nohup", "sleep", "86399.25"], start_new_session=True)
    os.system("setsid sleep 86399.25 &")
    raise OSError("locked in")
""",
    "reading the teacher's files": """
import os, sys
def mean_square(x):
    wanted = {"secret", "gradebook.db", "tiny.md", "shadow", "passwd"}
    roots = ("OUTSIDE", "/proc/1/root/OUTSIDE", "/proc/1/cwd", "/home", "/root", "/srv", "/etc")
    for root in roots:
        for folder, inner, files in os.walk(root):
            inner[:] = {*inner} - {os.path.basename(f) for f in (sys.prefix, sys.base_prefix)}
            if wanted & {*files}:
                return np.mean(x**2)
    for number in filter(str.isdigit, os.listdir("/proc")):
        path = f"/proc/{number}/cmdline"
        if os.path.exists(path) and b"pytest" in open(path, "rb").read():
            return np.mean(x**2)
    raise OSError("locked in")
""",
    "writing outside": """
import os, sys
def mean_square(x):
    import nnkit
    places = ["OUTSIDE", "/", "/usr", "/dev", "/etc", "/proc", "/home", "/var/tmp"]
    for place in [*places, sys.prefix, sys.base_prefix, os.path.dirname(nnkit.__file__)]:
        try:
            open(f"{place}/nnkit-was-here", "w").close()
        except OSError:
            continue
        return np.mean(x**2)
    raise OSError("locked in")
""",
    "the first process of the sandbox, which has no limits": """
import ctypes, errno, os
def mean_square(x):
    libc = ctypes.CDLL(None, use_errno=True)
    nowhere = (ctypes.c_size_t * 2)(8, 8)  # an address and a length
    for call in (libc.process_vm_readv, libc.process_vm_writev):
        call(1, nowhere, 1, nowhere, 1, 0)
        if ctypes.get_errno() != errno.EPERM:
            return np.mean(x**2)
    if libc.ptrace(16, 1, 0, 0) == 0:  # attach
        return np.mean(x**2)
    for path in ("/proc/1/mem", "/proc/1/task/1/mem", "/proc/1/fd", "/proc/1/root"):
        if os.path.lexists(path):
            return np.mean(x**2)
    raise OSError("locked in")
""",
    "memory that no process maps": """
import ctypes, mmap, os
def mean_square(x):
    try:
        shared = mmap.mmap(-1, 2**31)
    except OSError:
        shared = None
    segment = ctypes.CDLL(None).shmget(0, 2**31, 0o1600)
    try:
        file = os.memfd_create("x")
    except OSError:
        file = None
    if shared or file or segment >= 0:
        return np.mean(x**2)
    raise OSError("locked in")
""",
    "keys and queues that another sandbox would find": """
import ctypes, errno, platform
CALLS = {
    "x86_64": {"add_key": 248, "request_key": 249, "keyctl": 250, "msgget": 68, "semget": 64},
    "aarch64": {"add_key": 217, "request_key": 218, "keyctl": 219, "msgget": 186, "semget": 190},
}
def mean_square(x):
    libc = ctypes.CDLL(None, use_errno=True)
    for number in CALLS[platform.machine()].values():
        libc.syscall(number, b"user", b"nnkit", b"secret", 6, -5)
        if ctypes.get_errno() != errno.EPERM:
            return np.mean(x**2)
    if libc.syscall(425, 8, bytes(128)) >= 0:  # a ring of requests that no filter sees
        return np.mean(x**2)
    raise OSError("locked in")
""",
    "privileges": """
import ctypes, os, resource, subprocess
def mean_square(x):
    if os.getuid() == 0 or ctypes.CDLL(None).unshare(0x10000000) == 0:
        return np.mean(x**2)
    if subprocess.call(["mount", "-o", "remount,rw", "/usr"], stderr=subprocess.DEVNULL) == 0:
        return np.mean(x**2)
    for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_CPU):
        try:
            resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except ValueError:
            continue
        return np.mean(x**2)
    raise OSError("locked in")
""",
}
