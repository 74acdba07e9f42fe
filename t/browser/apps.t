#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The panel of programs in chromium: what is offered, what is started, what is
# said where nothing comes of it.  With TEST_SELKIES_SHOTS=FOLDER pictures of
# it are left there.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::X;

my $missing = Selkies::Browser->missing('/usr/bin/chromium');
my $program = Selkies::build() . '/selkies-agent';

plan(skip_all => $missing) if $missing;
plan(skip_all => "no $program") unless -x $program;

my $t = Selkies->new(x => '1280x800', timeout => 120);
my $dir = $t->dir();
my $file = "$dir/html/made";

$t->conf(<<"EOC");
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        location / {
            root %%WEB%%;
            %%SELKIES%%
            selkies_agent_socket $dir/run/agent;
            selkies_app Files touch $file.files;
            selkies_app "Web browser" no-such-program;
            selkies_app "<img src=x onerror=alert(1)> & a name that is long" true;
            selkies_command_enabled on;
        }
        location /few/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_agent_socket $dir/run/agent;
            selkies_app Files touch $file.files;
        }
        location /none/ { alias %%WEB%%/; %%SELKIES%% }
    }
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $agent = $t->spawn(sub {
	$ENV{HOME} = "$dir/html";
	open STDERR, '>>', "$dir/logs/agent.log";
	exec $program, '-c', '-s', "$dir/run/agent";
});

wait_for { -S "$dir/run/agent" } 5;

my $b = Selkies::Browser->new($t, 'chromium', '/usr/bin/chromium');
my $button = $b->button('Apps');
my $page;

sub open_page {
	my ($path) = @_;

	$b->command('close') if defined $page;
	$page = $b->live('http://localhost:' . $t->port() . "$path?probe=1",
		height => 640);
}

###############################################################################

open_page('/');
ok($b->panel('Apps'), 'programs are offered');
ok($b->until("document.querySelectorAll('.programs button').length === 3", 5),
	'all of them');
is($b->eval("return [...document.querySelectorAll('.programs button')]
	.map(one => one.textContent).join('|')"),
	'Files|Web browser|<img src=x onerror=alert(1)> & a name that is long',
	'by their names, whatever these are');
is($b->eval("return document.querySelectorAll('#panel img').length"), 0,
	'and no markup');
$b->shot('apps');

$b->eval("document.querySelector('.programs button').click()");
ok(wait_for(sub { -e "$file.files" }, 5), 'a click starts one');
is($b->eval("return document.querySelector('#panel .trouble').hidden"),
	JSON::PP::true, 'nothing went wrong');

$b->eval("document.querySelectorAll('.programs button')[1].click()");
ok($b->until("!document.querySelector('#panel .trouble').hidden", 5),
	'one that is missing');
is($b->eval("return document.querySelector('#panel .trouble').textContent"),
	'That did not start: no-such-program: No such file or directory.',
	'it says why');
$b->shot('apps-missing');

# the field: what is typed there is not typed on the desktop

$x->events();
$b->eval("document.querySelector('#panel input').focus()");
$b->command('type', text => "touch '$file.typed, too'");
$b->command('press', key => 'Enter');
ok(wait_for(sub { -e "$file.typed, too" }, 5), 'a command');
is($b->eval("return document.querySelector('#panel input').value"), '',
	'the field is empty again');
is($b->eval("return document.querySelector('#panel .trouble').hidden"),
	JSON::PP::true, 'old trouble is gone');
is(join(' | ', grep { /^key/ } $x->events()), '', 'no key went to the desktop');

# the agent goes away

kill 'TERM', $agent;
$t->reap($agent, 5);
$b->eval("document.querySelector('.programs button').click()");
ok($b->until("document.querySelector('#panel .trouble').textContent
	=== 'That did not start: the desktop\\'s agent is not running.'", 5),
	'without an agent it says so');

open_page('/few/');
ok($b->panel('Apps'), 'programs without the shell');
ok($b->until("document.querySelectorAll('.programs button').length === 1", 5),
	'one is there');
is($b->eval("return document.querySelector('#panel input').offsetParent"),
	undef, 'and no field for commands');

open_page('/none/');
ok($b->until("$button && __selkies.extended", 5), 'the toolbar is there');
is($b->eval("return $button.hidden"), JSON::PP::true,
	'without an agent nothing is offered');

$b->no_problems('programs');

$t->done();
