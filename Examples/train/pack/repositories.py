"""Files of GitHub repositories, read by git at a commit: cloned when first asked for, never checked out."""
import subprocess


def git(repository, work, *command):
    folder = work / "git" / repository
    if not (folder / "HEAD").exists():
        subprocess.run(["git", "clone", "-q", "--bare", f"https://github.com/{repository}", folder], check=True)
    return subprocess.run(["git", "--git-dir", folder, *command], check=True, stdout=subprocess.PIPE).stdout


def from_git(repository, revision, path, work):
    return git(repository, work, "cat-file", "blob", f"{revision}:{path}")


def paths(repository, revision, work):
    """The paths of all files."""
    return git(repository, work, "ls-tree", "-r", "-z", "--name-only", revision).decode().split("\0")
