# fish completion for beamd, made by: beamd completion fish
function __beam_beamd_path
    set -l path ''
    for word in (commandline -opc)[2..-1]
        switch "$path/$word"
            case /status /ping /await /stop /restart /logs /socket /doctor /config /completion
                set path "$path/$word"
        end
    end
    echo "$path"
end
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a status -d 'Say whether the node runs, since when and for whom'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a ping -d 'Ask the node for a sign of life'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a await -d 'Wait until the node answers; starts none'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a stop -d 'Stop the node: drain for up to 10s, then kill'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a restart -d 'Restart the node, as the beamd that is installed now; clients wait'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a logs -d 'Print the node\'s log'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a socket -d 'Print the path of the control socket'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a doctor -d 'Check folders, modes, locks, versions and limits'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a config -d 'Print the settings in force'
complete -c beamd -f -n 'test (__beam_beamd_path) = ""' -a completion -d 'Print a completion script: bash, zsh or fish'
complete -c beamd -l help -s h -d 'Print this and exit'
complete -c beamd -l version -s V -d 'Print the version and exit'
complete -c beamd -l node -x -d 'Which node answers (beam)'
complete -c beamd -l socket -r -d 'Talk to exactly this socket; starts nothing'
complete -c beamd -l timeout -x -d 'For the whole command, 0 for none (10s; streams none)'
complete -c beamd -l no-spawn -d 'Never start a node: without one, exit 69'
complete -c beamd -l json -s j -d 'One JSON object; JSON lines for streams; errors too'
complete -c beamd -l quiet -s q -d 'No result, no notices: the exit code answers'
complete -c beamd -l verbose -s v -d 'Diagnostics on stderr; -vv: the protocol too'
complete -c beamd -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c beamd -l as -x -d 'Who is acting'
complete -c beamd -l watch -s w -d 'Repeat, every 2s if not said otherwise'
complete -c beamd -l config -r -d 'Read this file instead of the usual ones'
complete -c beamd -l app -x -d 'Start this application at once; repeatable'
complete -c beamd -l daemon -d 'Run in the background; returns when the node is ready'
complete -c beamd -n 'test (__beam_beamd_path) = "/status"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/ping"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/await"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/stop"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/restart"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/logs"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/logs"' -l lines -x -d 'Only the last N lines'
complete -c beamd -n 'test (__beam_beamd_path) = "/logs"' -l follow -d 'Go on as the log grows'
complete -c beamd -n 'test (__beam_beamd_path) = "/logs"' -l count -x -d 'End after N records'
complete -c beamd -n 'test (__beam_beamd_path) = "/logs"' -l for -x -d 'End after this time'
complete -c beamd -n 'test (__beam_beamd_path) = "/logs"' -l until-idle -d 'End when nothing came for so long (1s)'
complete -c beamd -n 'test (__beam_beamd_path) = "/socket"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/doctor"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/config"' -l help -s h -d 'Print this and exit'
complete -c beamd -n 'test (__beam_beamd_path) = "/config"' -l origin -d 'And where each comes from'
complete -c beamd -n 'test (__beam_beamd_path) = "/completion"' -l help -s h -d 'Print this and exit'
