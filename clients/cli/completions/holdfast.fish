# Completion of holdfast for fish. What fits is what `holdfast __complete` says.

function __holdfast_complete
    set -l words (commandline -opc) "$(commandline -ct)"
    for line in ($words[1] __complete $words[2..] 2>/dev/null)
        if string match -qr '^\t' -- $line
            # The command of `run`.
            set -l own $words[(math (string trim -- $line) + 2)..]
            complete -C "$(string escape -- $own[1..-2] | string join ' ') $own[-1]"
            return
        end
        printf '%s\n' $line
    end
end

complete -c holdfast -f -a '(__holdfast_complete)'
