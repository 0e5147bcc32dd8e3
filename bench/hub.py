"""Checks that heed and huggingface_hub share a hub and its cache, in both directions, on a hub on loopback:

    python bench/hub.py [BUILD]

BUILD is the build folder (default build) with heed and tests/tool-hub. Prints one line per check, and exits with 1 if one fails.
"""
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

project = pathlib.Path(__file__).resolve().parent.parent
build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else project / "build").resolve()
heed = str(build / "heed")
source = project / "models" / "sst2"
work = pathlib.Path(tempfile.mkdtemp(prefix="heed-hub-"))
failures = 0

for name in list(os.environ):
    if name.startswith(("HF_", "HUGGINGFACE_", "HUGGING_FACE_")) or name.lower().endswith("_proxy"):
        del os.environ[name]
(work / "root" / "lfs").mkdir(parents=True)
token = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
server = subprocess.Popen([str(build / "tests" / "tool-hub"), str(work / "root"), f"token|/|0|{token}"],
                          stdout=subprocess.PIPE, text=True)
endpoint = "http://127.0.0.1:" + server.stdout.readline().strip()
# huggingface_hub reads its settings when it is imported. The hub on loopback has no Xet storage.
os.environ.update(HF_ENDPOINT=endpoint, HF_TOKEN=token, HF_HOME=str(work / "home"), HF_HUB_DISABLE_XET="1",
                  HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download

texts = ["A film to be seen twice.", "Two hours that I will not get back."]


def run(*words, **environment):
    done = subprocess.run([heed, *words], capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def same(folder, other):
    """Whether two folders have the same files."""
    names = sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file())
    others = sorted(str(path.relative_to(other)) for path in pathlib.Path(other).rglob("*") if path.is_file())
    return names == others and all(filecmp.cmp(f"{folder}/{name}", f"{other}/{name}", shallow=False) for name in names)


def check(what, truth):
    global failures
    failures += not truth
    print(f"{'passed' if truth else 'FAILED'}  {what}", flush=True)


def cache(name):
    """A cache of its own."""
    return str(work / name)


def heed_to_python():
    expected = run("classify", "-m", str(source), *texts)
    check("heed push", run("push", str(source), "me/pushed", "-q") == f"{endpoint}/me/pushed")
    folder = snapshot_download("me/pushed", cache_dir=cache("python"))
    check("huggingface_hub downloads what heed pushed", same(folder, source))
    check("heed opens the cache that huggingface_hub wrote",
          run("classify", "-m", "me/pushed", *texts, HF_HUB_CACHE=cache("python"), HF_HUB_OFFLINE="1") == expected)
    check("heed lists it", '{"name":"me/pushed","family":"heed-rnn"' in run("models", "--json", HF_HUB_CACHE=cache("python")))
    before = (work / "root" / "log").read_text().count("/resolve/")
    check("heed pull returns the same folder", run("pull", "me/pushed", HF_HUB_CACHE=cache("python")) == folder)
    check("and fetches nothing", (work / "root" / "log").read_text().count("/resolve/") == before)


def python_to_heed():
    api = HfApi()
    folder = work / "uploaded"
    shutil.copytree(project / "tests" / "golden" / "marian", folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nA card.\n")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}\n')
    api.create_repo("me/uploaded", private=True, exist_ok=True)
    api.upload_folder(repo_id="me/uploaded", folder_path=str(folder))
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    pulled = run("pull", "me/uploaded", "--include", "*", HF_HUB_CACHE=cache("heed"))
    check("heed pulls what huggingface_hub uploaded", same(pulled, folder))
    found = snapshot_download("me/uploaded", cache_dir=cache("heed"), local_files_only=True)
    check("huggingface_hub finds the snapshot that heed pulled", found == pulled)
    found = hf_hub_download("me/uploaded", "1_Pooling/config.json", cache_dir=cache("heed"), local_files_only=True)
    check("and a file in a folder of it", found == f"{pulled}/1_Pooling/config.json")
    before = (work / "root" / "log").read_text().count("GET 127.0.0.1 /me/uploaded/resolve")
    check("its own download returns the same folder", snapshot_download("me/uploaded", cache_dir=cache("heed")) == pulled)
    check("and fetches nothing",
          (work / "root" / "log").read_text().count("GET 127.0.0.1 /me/uploaded/resolve") == before)
    scanned = scan_cache_dir(cache("heed"))
    check("its scan of the cache has no warnings", len(scanned.repos) == 1 and not scanned.warnings)
    check("and sees the ref", [set(revision.refs) for revision in next(iter(scanned.repos)).revisions] == [{"main"}])
    os.environ["HF_HUB_OFFLINE"] = "1"
    check("offline, heed pull returns the same folder", run("pull", "me/uploaded", HF_HUB_CACHE=cache("heed")) == pulled)
    del os.environ["HF_HUB_OFFLINE"]


def transformers_opens():
    """Optional: transformers opens the cache by name."""
    try:
        import transformers
    except ImportError:
        print("skipped transformers is not installed")
        return
    config = transformers.AutoConfig.from_pretrained("me/uploaded", cache_dir=cache("heed"), local_files_only=True)
    check("transformers opens the model by name", config.model_type == "marian")


def no_token_elsewhere():
    log = (work / "root" / "log").read_text().splitlines()
    check("no token was sent to the other host",
          any(" localhost " in line for line in log) and not any(" localhost " in line and " auth" in line for line in log))


def at_once():
    """heed and huggingface_hub fetch the same repository at the same time."""
    process = subprocess.Popen([heed, "pull", "me/pushed", "-q", "--include", "*"],
                               env={**os.environ, "HF_HUB_CACHE": cache("both")}, stdout=subprocess.PIPE, text=True)
    folder = snapshot_download("me/pushed", cache_dir=cache("both"))
    check("two downloads at once give one folder", process.communicate()[0].strip() == folder and process.returncode == 0)
    check("with all files", same(folder, source))
    check("and nothing incomplete", not list(pathlib.Path(cache("both")).rglob("*.incomplete")))


try:
    print(f"huggingface_hub {huggingface_hub.__version__}, {run('--version').splitlines()[0]}")
    heed_to_python()
    python_to_heed()
    transformers_opens()
    at_once()
    no_token_elsewhere()
finally:
    server.kill()
    shutil.rmtree(work)
sys.exit(1 if failures else 0)
