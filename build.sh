# Sourced by ./run, ./test and bench/run: where the executable is, whether it is up to date, and the one build that all share.
# Needs `checkout`, the absolute path of this folder.

executable="$checkout/src/Selfsame.Cli/bin/Release/net10.0/selfsame"
stamp="$checkout/src/Selfsame.Cli/bin/Release/net10.0/.built"
everything="$checkout/Selfsame.slnx"
everything_stamp="$checkout/tests/Selfsame.EndToEnd.Tests/bin/Release/net10.0/.everything-built"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# Build servers that outlive the build would hold our output open: a pipe behind ./test would never end.
export MSBUILDDISABLENODEREUSE=1

# Puts the .NET SDK on the PATH and tells the built executable where its runtime is.
find_dotnet() {
    local sdks=""
    if ! command -v dotnet > /dev/null && [ -x "${HOME:-/nonexistent}/.dotnet/dotnet" ]; then
        PATH="$HOME/.dotnet:$PATH"
    fi
    if command -v dotnet > /dev/null; then
        # The command may be a wrapper elsewhere than the runtime; only the runtime itself knows where it is.
        if [ -z "${DOTNET_ROOT:-}" ]; then
            DOTNET_ROOT=$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")
            [ -d "$DOTNET_ROOT/shared" ] || DOTNET_ROOT=$(dotnet --list-runtimes | sed -n 's/^Microsoft.NETCore.App [^[]*\[\(.*\)\/shared\/.*/\1/p' | tail -n 1)
        fi
        export DOTNET_ROOT
        is_built && return 0
        sdks=$(dotnet --list-sdks)
    fi
    if ! grep -q '^10\.' <<< "$sdks"; then
        echo "Selfsame needs the .NET 10 SDK, and there is none on the PATH." >&2
        echo "Install it (https://dotnet.microsoft.com/download/dotnet/10.0) and start this again." >&2
        return 1
    fi
}

# True when nothing in the folders, nor what every build reads, changed since the stamp was set. Folders count as well: a deleted file
# changes its folder.
is_unchanged_since() {
    local since=$1 newer
    shift
    [ -e "$since" ] || return 1
    newer=$(find "$@" "$checkout"/Directory.*.{props,targets} "$checkout"/global.json "$checkout"/.editorconfig "$checkout"/BannedSymbols*.txt \
        \( -name bin -o -name obj -o -name node_modules \) -prune -o -newer "$since" -print -quit)
    [ -z "$newer" ]
}

# True when the executable is there and nothing that goes into it changed since.
is_built() {
    [ -x "$executable" ] && is_unchanged_since "$stamp" "$checkout/src"
}

# The same for the whole solution, tests and benchmark included.
is_everything_built() {
    local project
    for project in "$checkout"/tests/*.Tests; do
        [ -x "$project/bin/Release/net10.0/${project##*/}" ] || return 1
    done
    is_built && is_unchanged_since "$everything_stamp" "$everything" "$checkout"/{src,tests,bench}
}

# Builds a project or, with $everything, the solution in Release, one build at a time, where something changed; returns the build's exit code.
build_once() {
    local target=$1 started=0 result=0 built=is_built folder
    [ "$target" = "$everything" ] && built=is_everything_built
    # Whatever a build makes beside its sources is there before the stamp's time is taken: it would change their folder.
    for folder in "$checkout"/{src,tests,bench}/Selfsame.*/; do
        mkdir -p "$folder"{bin,obj}
    done
    mkdir -p "$checkout/artifacts"
    exec 9> "$checkout/artifacts/build.lock"
    if ! flock --nonblock 9; then
        echo "Another build of this checkout is running; waiting for it."
        flock 9
    fi
    # Who waited finds it built.
    if ! $built; then
        started=$(date +%s)
        touch "$checkout/artifacts/build.started"
        # The compiler server outlives the build: it must not inherit the lock.
        dotnet build "$target" --configuration Release --verbosity quiet -nologo -consoleLoggerParameters:NoSummary 9>&- || result=$?
        if [ "$result" -eq 0 ]; then
            touch --reference "$checkout/artifacts/build.started" "$stamp"
            [ "$target" = "$everything" ] && touch --reference "$checkout/artifacts/build.started" "$everything_stamp"
            echo "Built in $(($(date +%s) - started)) s."
        fi
    fi
    exec 9>&-
    return "$result"
}
