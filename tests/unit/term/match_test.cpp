#include "libbeamcore/term/match.hpp"

#include "libbeamcore/term/syntax.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

static term parsed(std::string_view text) {
    auto t = parse_term(text);
    INFO(text);
    REQUIRE_MESSAGE(t.has_value(), t.error().detail);
    return *t;
}
static std::string run(std::string_view spec, std::string_view object) {
    auto compiled = compile(parsed(spec));
    if (!compiled) return compiled.error().code + ": " + compiled.error().detail;
    auto found = compiled->run(parsed(object));
    return found ? to_string(*found) : "no match";
}
static std::string body(std::string_view expression, std::string_view object) {
    return run("[{'$1',[],[" + std::string(expression) + "]}]", object);
}
static bool guard(std::string_view expression, std::string_view object) {
    return run("[{'$1',[" + std::string(expression) + "],[yes]}]", object) == "yes";
}

TEST_CASE("a pattern binds its variables, and the body is made of them") {
    CHECK(run("[{{'$1','_','$2'},[],['$2']}]", "{a,b,c}") == "c");
    CHECK(run("[{{'$1','_','$2'},[],[{{'$2','$1'}}]}]", "{a,b,c}") == "{c,a}");
    CHECK(run("[{{a,'$1'},[],['$_']}]", "{a,1}") == "{a,1}");
    CHECK(run("[{{a,'$1'},[],['$1']}]", "{b,1}") == "no match");
    CHECK(run("[{{a,'$1'},[],['$1']}]", "{a,1,2}") == "no match");
    CHECK(run("[{'_',[],[true]}]", "anything") == "true");
    CHECK(run("[{{'$1',[x|'$2']},[],['$2']}]", "{1,[x,y,z]}") == "[y,z]");
    CHECK(run("[{['$1','$2'],[],['$2']}]", "[1,2]") == "2");
    CHECK(run("[{['$1','$2'],[],['$2']}]", "[1,2,3]") == "no match");
    CHECK(run("[{['$1','$2'],[],['$2']}]", "[1]") == "no match");
    CHECK(run("[{['$1'|'_'],[],['$1']}]", "[1,2,3]") == "1");
    CHECK(run("[{['$1'|'$2'],[],['$2']}]", "[1|2]") == "2");
}

TEST_CASE("variables come in the order of their numbers") {
    CHECK(run("[{{'$3','$1','$2'},[],['$$']}]", "{1,2,3}") == "[2,3,1]");
    CHECK(run("[{{'$10','$9'},[],['$$']}]", "{1,2}") == "[2,1]");
    CHECK(run("[{a,[],['$$']}]", "a") == "[]");
    CHECK(run("[{{'$1','$2','$3','$4','$5','$6','$7','$8','$9','$10'},[],['$$']}]",
              "{1,2,3,4,5,6,7,8,9,10}") == "[1,2,3,4,5,6,7,8,9,10]");
}

TEST_CASE("ETS-42: the same variable twice must be equal") {
    CHECK(run("[{{'$1','$1'},[],['$1']}]", "{a,a}") == "a");
    CHECK(run("[{{'$1','$1'},[],['$1']}]", "{a,b}") == "no match");
    CHECK(run("[{{'$1','$1'},[],['$1']}]", "{1,1.0}") == "no match");
    CHECK(run("[{{'_','_'},[],[ok]}]", "{a,b}") == "ok");
    CHECK(run("[{{1},[],[ok]}]", "{1.0}") == "no match");
}

TEST_CASE("ETS-51: a map matches maps that have at least its keys") {
    CHECK(run("[{{#{a => '$1'}},[],['$1']}]", "{#{a => 1, b => 2}}") == "1");
    CHECK(run("[{{#{a => 1}},[],[ok]}]", "{#{a => 1, b => 2}}") == "ok");
    CHECK(run("[{#{},[],[ok]}]", "#{b => 2}") == "ok");
    CHECK(run("[{#{},[],[ok]}]", "{}") == "no match");
    CHECK(run("[{#{c => '_'},[],[ok]}]", "#{b => 2}") == "no match");
    CHECK(run("[{#{a => #{b => '$1'}},[],['$1']}]", "#{a => #{b => 7, c => 8}}") == "7");
    CHECK(run("[{#{'$1' => a},[],[ok]}]", "#{}") ==
          "badarg: clause 1 has a variable or '_' as a key of a map pattern");
}

TEST_CASE("the first clause that matches counts") {
    auto spec = "[{{'$1'},[{'>','$1',5}],[big]},{{'$1'},[],[small]}]";
    CHECK(run(spec, "{9}") == "big");
    CHECK(run(spec, "{1}") == "small");
    CHECK(run(spec, "1") == "no match");
}

TEST_CASE("guards compare as Erlang does") {
    CHECK(guard("{'>','$1',5}", "6"));
    CHECK_FALSE(guard("{'>','$1',5}", "5"));
    CHECK(guard("{'>=','$1',5}", "5"));
    CHECK(guard("{'<','$1',5}", "4.5"));
    CHECK(guard("{'=<','$1',5}", "5.0"));
    CHECK(guard("{'==','$1',5}", "5.0"));
    CHECK_FALSE(guard("{'=:=','$1',5}", "5.0"));
    CHECK(guard("{'=/=','$1',5}", "5.0"));
    CHECK_FALSE(guard("{'/=','$1',5}", "5.0"));
    CHECK(guard("{'<','$1',atom}", "5"));
}

TEST_CASE("a guard that fails or is not true is false") {
    CHECK_FALSE(guard("{hd,'$1'}", "5"));
    CHECK_FALSE(guard("'$1'", "5"));
    CHECK(guard("'$1'", "true"));
    CHECK_FALSE(guard("{'>',{'+','$1',1},0}", "a"));
    CHECK_FALSE(guard("{'not',{hd,'$1'}}", "a"));
    CHECK(guard("{'orelse',{is_atom,'$1'},{'>',{'+','$1',1},0}}", "a"));
    CHECK_FALSE(guard("{'or',{is_atom,'$1'},{'>',{'+','$1',1},0}}", "a"));
    CHECK_FALSE(guard("{'andalso',{is_integer,'$1'},{'>',{'+','$1',1},0}}", "a"));
    CHECK(guard("true,{is_atom,'$1'}", "a"));
    CHECK_FALSE(guard("true,{is_atom,'$1'},false", "a"));
}

TEST_CASE("logic takes any number of arguments, and andalso's last one may be anything") {
    CHECK(body("{'and',true,true,true}", "1") == "true");
    CHECK(body("{'and',true}", "1") == "true");
    CHECK(body("{'or',false,false,true}", "1") == "true");
    CHECK(body("{'or',false,false}", "1") == "false");
    CHECK(body("{'andalso',true,5}", "1") == "5");
    CHECK(body("{'andalso',false,5}", "1") == "false");
    CHECK(body("{'and',true,5}", "1") == "'EXIT'");
    CHECK(body("{'andalso',5,true}", "1") == "'EXIT'");
    CHECK(body("{'xor',true,false}", "1") == "true");
    CHECK(body("{'not',true}", "1") == "false");
}

TEST_CASE("a call that fails in a body gives 'EXIT', as in ets") {
    CHECK(body("{hd,'$1'}", "[]") == "'EXIT'");
    CHECK(body("{{a,{hd,'$1'}}}", "[]") == "{a,'EXIT'}");
    CHECK(body("{element,3,'$1'}", "{1,2}") == "'EXIT'");
    CHECK(body("{'div',1,'$1'}", "0") == "'EXIT'");
}

TEST_CASE("type tests") {
    CHECK(guard("{is_atom,'$1'}", "a"));
    CHECK(guard("{is_float,'$1'}", "1.0"));
    CHECK(guard("{is_integer,'$1'}", "123456789012345678901234567890"));
    CHECK(guard("{is_number,'$1'}", "1.0"));
    CHECK(guard("{is_list,'$1'}", "[]"));
    CHECK(guard("{is_list,'$1'}", "[a|b]"));
    CHECK(guard("{is_pid,'$1'}", "<0.1.0>"));
    CHECK(guard("{is_port,'$1'}", "#Port<0.1>"));
    CHECK(guard("{is_reference,'$1'}", "#Ref<0.1.2.3>"));
    CHECK(guard("{is_tuple,'$1'}", "{}"));
    CHECK(guard("{is_map,'$1'}", "#{}"));
    CHECK(guard("{is_binary,'$1'}", "<<1>>"));
    CHECK_FALSE(guard("{is_binary,'$1'}", "<<1:1>>"));
    CHECK(guard("{is_bitstring,'$1'}", "<<1:1>>"));
    CHECK(guard("{is_function,'$1'}", "fun m:f/1"));
    CHECK(guard("{is_map_key,a,'$1'}", "#{a => 1}"));
    CHECK(guard("{is_record,'$1',r,2}", "{r,1}"));
    CHECK_FALSE(guard("{is_record,'$1',r,3}", "{r,1}"));
    CHECK_FALSE(guard("{is_record,'$1',q,2}", "{r,1}"));
}

TEST_CASE("arithmetic and parts of terms") {
    CHECK(body("{'+','$1',1}", "41") == "42");
    CHECK(body("{'+','$1',1}", "9223372036854775807") == "9223372036854775808");
    CHECK(body("{'*','$1','$1'}", "-9223372036854775808") ==
          "85070591730234615865843651857942052864");
    CHECK(body("{'-','$1'}", "5") == "-5");
    CHECK(body("{'-','$1',0.5}", "5") == "4.5");
    CHECK(body("{'/','$1',2}", "5") == "2.5");
    CHECK(body("{'/','$1',0}", "5") == "'EXIT'");
    CHECK(body("{'div','$1',2}", "-5") == "-2");
    CHECK(body("{'rem','$1',2}", "-5") == "-1");
    CHECK(body("{'band','$1',6}", "3") == "2");
    CHECK(body("{'bor','$1',6}", "3") == "7");
    CHECK(body("{'bxor','$1',6}", "3") == "5");
    CHECK(body("{'bnot','$1'}", "3") == "-4");
    CHECK(body("{'bsl','$1',3}", "3") == "24");
    CHECK(body("{'bsl','$1',63}", "3") == "27670116110564327424");
    CHECK(body("{'bsl','$1',-1}", "4") == "2");
    CHECK(body("{'bsr','$1',70}", "-4") == "-1");
    CHECK(body("{abs,'$1'}", "-4") == "4");
    CHECK(body("{abs,'$1'}", "-123456789012345678901") == "123456789012345678901");
    CHECK(body("{abs,'$1'}", "-4.5") == "4.5");
    CHECK(body("{round,'$1'}", "2.5") == "3");
    CHECK(body("{round,'$1'}", "1.0e30") == "1000000000000000019884624838656");
    CHECK(body("{trunc,'$1'}", "-2.5") == "-2");
    CHECK(body("{float,'$1'}", "2") == "2.0");
    CHECK(body("{'*','$1',10.0}", "1.0e308") == "'EXIT'");
    CHECK(body("{element,2,'$1'}", "{a,b}") == "b");
    CHECK(body("{hd,'$1'}", "[a,b]") == "a");
    CHECK(body("{tl,'$1'}", "[a,b]") == "[b]");
    CHECK(body("{length,'$1'}", "[a,b]") == "2");
    CHECK(body("{length,'$1'}", "[a|b]") == "'EXIT'");
    CHECK(body("{size,'$1'}", "{a,b}") == "2");
    CHECK(body("{size,'$1'}", "<<1,2,3>>") == "3");
    CHECK(body("{byte_size,'$1'}", "<<1,2:3>>") == "2");
    CHECK(body("{bit_size,'$1'}", "<<1,2:3>>") == "11");
    CHECK(body("{map_size,'$1'}", "#{a => 1}") == "1");
    CHECK(body("{map_get,a,'$1'}", "#{a => 1}") == "1");
    CHECK(body("{map_get,b,'$1'}", "#{a => 1}") == "'EXIT'");
}

TEST_CASE("bodies make tuples, lists, maps and constants") {
    CHECK(body("{{'$1',{{}}}}", "1") == "{1,{}}");
    CHECK(body("['$1',x|'$1']", "1") == "[1,x|1]");
    CHECK(body("#{a => '$1', '$1' => b}", "1") == "#{1 => b,a => 1}");
    CHECK(body("{const,{'$1'}}", "1") == "{'$1'}");
    CHECK(body("{const,'$_'}", "1") == "'$_'");
    CHECK(body("ignored,'$1'", "1") == "1");
}

TEST_CASE("ETS-43: a malformed specification is badarg, with the reason") {
    CHECK(run("[]", "1") == "badarg: a match specification is a list of at least one clause");
    CHECK(run("nonsense", "1") == "badarg: a match specification is a list of at least one clause");
    CHECK(run("[x]", "1") == "badarg: clause 1 is not {Pattern, [Guard], [Body]}");
    CHECK(run("[{'_',[],[ok]},{'_',x,[ok]}]", "1") ==
          "badarg: clause 2 has guards that are not a list");
    CHECK(run("[{'_',[],ok}]", "1") == "badarg: clause 1 has a body that is not a list");
    CHECK(run("[{'_',[],[]}]", "1") == "badarg: clause 1 has a body that gives nothing");
    CHECK(run("[{'_',[],['$1']}]", "1") == "badarg: clause 1 has an unbound variable '$1'");
    CHECK(run("[{'_',[{foo,1}],[ok]}]", "1") ==
          "badarg: clause 1 calls foo/1, which does not exist");
    CHECK(run("[{'_',[{hd}],[ok]}]", "1") == "badarg: clause 1 calls hd/0, which does not exist");
    CHECK(run("[{'_',[],[{}]}]", "1").starts_with("badarg: clause 1 has {}, which is neither"));
    CHECK(
        run("[{'_',[],[{1,2}]}]", "1").starts_with("badarg: clause 1 has {1,2}, which is neither"));
    term deep = atoms::ok;
    for (int i = 0; i < 100000; ++i) deep = tuple(deep, atoms::underscore);
    CHECK(compile(list({tuple(deep, nil, list({1}))})).error().detail ==
          "clause 1 is nested too deep");
}

TEST_CASE("is_true is what select_delete asks") {
    auto spec = *compile(parsed("[{{'$1'},[],[{'>','$1',5}]}]"));
    CHECK(spec.is_true(parsed("{6}")));
    CHECK_FALSE(spec.is_true(parsed("{5}")));
    CHECK_FALSE(spec.is_true(parsed("5")));
    CHECK(spec.only_pattern() == parsed("{'$1'}"));
    CHECK(compile(parsed("[{a,[],[1]},{b,[],[1]}]"))->only_pattern() == atoms::underscore);
}

TEST_CASE("patterns without maps and variables are what they match") {
    CHECK(is_ground(parsed("{a,[1,<<2>>|x]}")));
    CHECK_FALSE(is_ground(parsed("{a,['_']}")));
    CHECK_FALSE(is_ground(parsed("{a,'$1'}")));
    CHECK_FALSE(is_ground(parsed("{a,#{}}")));
    CHECK_FALSE(is_ground(parsed("[a|'$2']")));
    CHECK(is_ground(parsed("'$x'")));
    CHECK(variable_number(atom("$12")) == 12u);
    CHECK(variable_number(atom("$0")) == 0u);
    CHECK_FALSE(variable_number(atom("$")));
    CHECK_FALSE(variable_number(atom("$123456789")));
    CHECK_FALSE(variable_number(atom("12")));
    CHECK_FALSE(variable_number("$1"));
}

TEST_CASE("matching a pattern as it is binds its variables") {
    bindings found;
    CHECK(matches(parsed("{'$2',['$1'|'$3']}"), parsed("{a,[b,c,d]}"), found));
    CHECK(found.values() == std::vector<term>{atom("b"), atom("a"), parsed("[c,d]")});
    CHECK(*found.find(2) == atom("a"));
    CHECK(found.find(4) == nullptr);
    CHECK_FALSE(matches(parsed("'$2'"), atom("other"), found));
    CHECK(matches(parsed("{#{a => '_'}}"), parsed("{#{a => 1, b => 2}}")));
    CHECK_FALSE(matches(parsed("[a]"), parsed("[a,b]")));
    CHECK_FALSE(matches(parsed("{a}"), parsed("[a]")));
    term deep = 1;
    for (int i = 0; i < 300000; ++i) deep = tuple(deep);
    CHECK(matches(deep, deep));
}

TEST_CASE("compiled or not, a pattern matches the same terms, and itself") {
    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    int matched = 0;
    for (int i = 0; i < 3000; ++i) {
        auto pattern = generate.any(2), object = generate.any(2);
        auto spec = compile(list({tuple(pattern, nil, list({true}))}));
        REQUIRE(spec);
        CAPTURE(pattern);
        CAPTURE(object);
        CHECK(spec->is_true(object) == matches(pattern, object));
        CHECK(spec->is_true(pattern));
        matched += matches(pattern, object);
    }
    CHECK(matched > 0);
}
