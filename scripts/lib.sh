# Shared by scripts/run and scripts/test: system packages and .venv. Plain POSIX sh.
# The caller sets `root`, the absolute path of the checkout. Everything here speaks on stderr.

list=$root/system-packages.txt
venv=$root/.venv

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# The first Python that will do; PYTHON in the environment is asked first.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            2>/dev/null || continue
        command -v "$candidate"
        return
    done
    die "Python 3.11, 3.12 or 3.13 is needed and was not found. PYTHON=/path/to/python chooses one."
}

# is_there PROBE: the third column of system-packages.txt
is_there() {
    case $1 in
        command:*) command -v "${1#command:}" >/dev/null 2>&1 ;;
        module:*) "$python" -c "import ${1#module:}" 2>/dev/null ;;
        path:*)
            for found in ${1#path:}; do # unquoted on purpose: it is a glob
                [ -e "$found" ] && return
            done
            return 1
            ;;
        *) die "system-packages.txt: '$1' is no probe" ;;
    esac
}

# missing PURPOSE...: what is missing for these purposes, one "package|without" a line
missing() {
    sed -e '/^#/d' -e '/^[[:space:]]*$/d' -e 's/[[:space:]]*|[[:space:]]*/|/g' "$list" |
        while IFS='|' read -r purpose package probe without; do
            case " $* " in
                *" $purpose "*) is_there "$probe" </dev/null || printf '%s|%s\n' "$package" "$without" ;;
            esac
        done
}

# How to become root: prints nothing for root itself, "sudo" where that works; fails where we may not.
# sudo may ask for its password only where somebody is there to type it.
become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null 2>&1 || return 1
    sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ] && sudo -v >&2; } || return 1
    echo sudo
}

# apt_get COMMAND...: never asks, never talks on stdout
apt_get() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >&2
}

# Debian's PostgreSQL package starts a cluster of its own on installation. Ours are thrown away after
# the tests, so tell it not to, for as long as the installation takes.
no_cluster=/etc/postgresql-common/createcluster.d/appliance-tests.conf

forbid_cluster() {
    $sudo mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | $sudo tee "$no_cluster" >/dev/null
}

allow_cluster() {
    $sudo rm -f "$no_cluster"
    $sudo rmdir "${no_cluster%/*}" "${no_cluster%/*/*}" 2>/dev/null || true
}

# Debian's Kannel package starts a gateway of its own, now and at every boot. The tests start theirs.
end_kannel() {
    { $sudo service kannel stop && $sudo update-rc.d kannel disable; } >/dev/null 2>&1 </dev/null || true
}

# install_missing PURPOSE...: installs with apt-get what is missing, where that is allowed, and says
# what is lost where it is not. With CI=true a package that stays missing is a failure.
install_missing() {
    absent=$(missing "$@")
    [ -n "$absent" ] || return 0
    packages=$(printf '%s\n' "$absent" | cut -d'|' -f1 | tr '\n' ' ')
    if command -v apt-get >/dev/null 2>&1 && { say "Missing: $packages"; sudo=$(become_root); }; then
        say "Installing them with apt-get."
        trap allow_cluster EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        case " $packages" in *" postgresql "*) forbid_cluster ;; esac
        # shellcheck disable=SC2086 # one argument a package
        { apt_get update && apt_get install --yes --no-install-recommends $packages; } ||
            say "apt-get failed."
        allow_cluster
        case " $packages " in *" kannel "*) end_kannel ;; esac
        trap - EXIT INT TERM
    fi
    absent=$(missing "$@")
    [ -n "$absent" ] || return 0
    printf '%s\n' "$absent" | sed 's/\([^|]*\)|\(.*\)/\1 is not installed: \2./' >&2
    say "To install: sudo apt-get install --no-install-recommends" \
        "$(printf '%s\n' "$absent" | cut -d'|' -f1 | tr '\n' ' ')"
    [ "${CI:-}" != true ] || die "With CI=true nothing may be missing."
}

# What .venv was made from; it is made anew when the Python or the place is another one.
venv_origin() {
    printf '%s %s\n' "$("$python" -c 'import sys; print(sys.version_info[:2], sys.base_prefix)')" "$root"
}

make_venv() {
    venv_origin | cmp -s - "$venv/.origin" && return
    is_there module:ensurepip || die "Python's venv needs the package python3-venv; nothing was started."
    say "Making .venv."
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    # The package needs no building: a path for imports and a command. (A build would need setuptools,
    # which the venvs of newer Pythons do not have, and a place to fetch it from.)
    "$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' |
        { IFS= read -r site && printf '%s\n' "$root" >"$site/appliance-checkout.pth"; }
    ln -s "$root/scripts/appliance" "$venv/bin/appliance"
    venv_origin >"$venv/.origin"
}

# install_requirements FILE: into .venv, if the file is another one than at the last time
install_requirements() {
    stamp=$venv/.installed-$1
    cmp -s "$root/$1" "$stamp" && return
    say "Installing $1 (a minute or two the first time)."
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
        --requirement "$root/$1" </dev/null >&2 || die "pip could not install $1."
    cp "$root/$1" "$stamp"
}

# install_node_modules FOLDER: what its package-lock.json says, if that is another one than at the last
# time. With CI=true it is a failure if that cannot be had.
install_node_modules() {
    command -v npm >/dev/null 2>&1 || return 0
    stamp=$1/node_modules/.installed
    cmp -s "$1/package-lock.json" "$stamp" && return
    say "Installing $1/package-lock.json."
    if npm ci --prefix "$1" --silent --ignore-scripts --no-audit --no-fund </dev/null >&2; then
        cp "$1/package-lock.json" "$stamp"
        return
    fi
    say "npm could not install it: an application by node-smpp is not tried."
    [ "${CI:-}" != true ] || die "With CI=true nothing may be missing."
}
