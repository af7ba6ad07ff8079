# complete.zsh FILE LINE: what zsh offers after LINE, one a line, with the completion function in FILE.
emulate -L zsh
zmodload zsh/zpty || exit 77
file=$1 line=$2
zpty shell zsh -f -i
zpty -w shell "PROMPT=
autoload -Uz compinit; compinit -u -D
source ${(q)file}
compadd() {
    if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"\$@\"; return; fi
    local -a hits
    builtin compadd -A hits \"\$@\"
    local hit
    for hit in \$hits; do print -r -- \"=> \$hit\"; done
    builtin compadd \"\$@\"
}
offer() { _main_complete; print -r -- '=> END'; exit; }
zle -C offer complete-word offer
bindkey '^I' offer
print -r -- '=> READY'"
while zpty -r shell text; do [[ $text == *'=> READY'$'\r'* ]] && break; done
zpty -w -n shell "$line"$'\t'
while zpty -r shell text; do
    text=${text//$'\r'/}
    text=${text%$'\n'}
    [[ $text == *'=> END'* ]] && break
    [[ $text == *'=> '* ]] && print -r -- ${text##*=> }
done
zpty -d shell
