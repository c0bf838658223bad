"""Environment variables that a process needs before it imports a framework. Standard library only."""

import contextlib
import hashlib
import itertools
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

PRECISIONS = ("ieee", "tf32")

CHANGES_PROGRAMS = re.compile(
    "(XLA|JAX|TF|TF2|TORCH|TORCHINDUCTOR|TORCHDYNAMO|PYTORCH|TRITON|KERAS|CUDNN|CUBLAS|CUBLASLT|ONEDNN|DNNL|MKL|OMP|"
    "GOMP|KMP|OPENBLAS|BLIS|VECLIB|EIGEN|MALLOC|TCMALLOC)_.*|CUDA_LAUNCH_BLOCKING|CUDA_MODULE_LOADING|"
    "NVIDIA_TF32_OVERRIDE|LD_PRELOAD|GLIBC_TUNABLES|PYTHONOPTIMIZE|PYTHONDEVMODE|PYTHONMALLOC|CXX|CXXFLAGS"
)
CHANGES_NOTHING = re.compile(
    "TF_CLI_.*|KMP_DUPLICATE_LIB_OK|KMP_INIT_AT_FORK|.*_(HOME|DIR|PATH|FILE|VERSION|LOGS|LOG_LEVEL|VLOG_LEVEL)"
)
"""Where things lie and what is told, and what is another program's: Terraform's variables begin with TF_CLI_, and
scikit-learn sets two of KMP_ wherever Keras finds it."""


def environment(backend: str, device: str, *, threads: int, cache: Path, precision: str = "ieee") -> dict[str, str]:
    """Returns the variables for one process that runs one backend on one device.

    Every backend gets the same number of threads, the same matrix precision and a compile cache on disk of its own.
    A process for the CPU sees no GPU.

    Args:
        backend: "tensorflow", "jax" or "torch".
        device: "cpu" or "gpu".
        threads: size of the pools that run operations.
        cache: folder of the compile caches (see `plain`).
        precision: "ieee" for exact float32 products, "tf32" for 10-bit mantissas where a GPU has them.
    """
    variables = {
        "KERAS_BACKEND": backend,
        "PYTHONHASHSEED": "0",
        "NPROC": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={cache}",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest" if precision == "ieee" else "tensorfloat32",
        "JAX_PLATFORMS": "cpu" if device == "cpu" else "cuda,cpu",
        "KERAS_TORCH_DEVICE": "cpu" if device == "cpu" else "cuda",
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    if device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    return variables


def surroundings(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns those of the user's variables that can change what a framework computes, or how fast."""
    own = environment("", "cpu", threads=1, cache=Path()).keys()
    return {
        name: value
        for name, value in sorted(variables.items())
        if name not in own and CHANGES_PROGRAMS.fullmatch(name) and not CHANGES_NOTHING.fullmatch(name)
    }


def shielded(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns the user's variables without those that would change how a launch's pytest and Python behave."""
    drop = re.compile("PYTEST_.*|PYTHON(WARNINGS|IOENCODING|INSPECT|STARTUP)|PY_COLORS|FORCE_COLOR")
    return {name: value for name, value in variables.items() if not drop.fullmatch(name)} | {"PYTHONUTF8": "1"}


def plain(folder: Path) -> Path:
    """Returns the folder, or a link to it where its path has characters that compilers' command lines break at."""
    if re.fullmatch(r"[\w/.+-]+", str(folder), re.ASCII):
        return folder
    link = _private_folder() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(folder)
    return link


def _private_folder() -> Path:
    """A folder among the temporary ones that nobody else can write to: somebody may have made the first names."""
    names = (f"dl_techniques-{os.getuid()}-{number}" for number in itertools.count(1))
    return next(folder for name in names if _is_private(folder := Path(tempfile.gettempdir()) / name))


def _is_private(folder: Path) -> bool:
    """Whether it is this user's alone; made where there is none."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
