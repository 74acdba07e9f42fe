#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Programs of the desktop, started for a controller by selkies-agent: those the
# operator has declared, and texts for the shell where they are allowed.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '800x600', timeout => 90);
my $program = Selkies::build() . '/selkies-agent';

plan(skip_all => "no $program") unless -x $program;

my $dir = $t->dir();
my $file = "$dir/html/made";

sub location {
	my ($name, $more) = @_;

	return "location /$name/ { %%SELKIES%%
		selkies_agent_socket $dir/run/agent;
		selkies_app Touch touch $file.$name;
		$more }\n";
}

my $apps = "selkies_agent_socket $dir/run/agent;
	selkies_app \"Make a file\" touch '$file, one';
	selkies_app Broken no-such-program;
	selkies_app \"<b>Quotes\\\"</b>\" touch $file.two;";

$t->simple(location => "$apps selkies_command_enabled on;", server =>
	location('quiet', '')
	. location('open', 'selkies_open on; selkies_command_enabled on;')
	. location('stranger', '') =~ s/agent;/agent nobody;/r
	. 'location /none/ { %%SELKIES%% selkies_command_enabled on; }');

my $x = $t->x_client();

$t->run();

my $agent;

sub agent {
	my (@args) = @_;

	$agent = $t->spawn(sub {
		$ENV{HOME} = "$dir/html";
		$ENV{PATH} = "$dir/run/bin:$ENV{PATH}";
		open STDOUT, '>>', "$dir/logs/agent.log";
		open STDERR, '>&', \*STDOUT;
		exec $program, '-s', "$dir/run/agent", @args;
	});

	wait_for { -S "$dir/run/agent" } 5 or die "no agent\n";
}

# A controller that speaks the extension; what it was told of programs.

sub controller {
	my ($path, %o) = @_;

	my $ws = Selkies::WebSocket->new($t, path => $path);

	$ws->{auto_ack} = 1;
	$ws->send_text('_ext,{"version":"x","want":["apps"]}')
		unless $o{plain};
	$ws->send_text(Selkies::WebSocket::settings(800, 600));
	$ws->wait_until(sub { grep { $_->{key} } @{ $ws->{frames} } })
		or die "no key\n";

	return $ws;
}

sub told { (map { decode_json($_)->{apps} } grep { /"server_apps"/ }
	@{ $_[0]->{texts} })[0] }

sub have { (map { decode_json(substr $_, 5)->{have} } grep { /^_ext,/ }
	@{ $_[0]->{texts} })[0] || [] }

sub setting { (map { decode_json($_)->{settings}{command_enabled} }
	grep { /"server_settings"/ } @{ $_[0]->{texts} })[0] }

# What comes of a message: the error, or '' if there is none soon.

sub outcome {
	my ($ws, $message, $wait) = @_;

	$ws->{texts} = [];
	$ws->send_text($message);
	$ws->round_trip();
	$wait ? $ws->wait_until(sub { grep { /^system,/ } @{ $ws->{texts} } })
		: $ws->run_for(0.15);

	my ($text) = grep { /^system,/ } @{ $ws->{texts} };

	return '' unless defined $text;
	return decode_json(substr $text, 7)->{action};
}

sub complaint { outcome(@_, 1) }

###############################################################################
# what a page is told

my $c = controller('/websockets');

ok((grep { $_ eq 'apps' } @{ have($c) }), 'there are programs');
is_deeply(told($c), [ { id => '0', name => 'Make a file' },
	{ id => '1', name => 'Broken' },
	{ id => '2', name => '<b>Quotes"</b>' } ], 'these, by number and name');
is_deeply(setting($c), { value => JSON::PP::true, locked => JSON::PP::false },
	'and the shell');
is(scalar(grep { /"server_apps"/ } @{ $c->{texts} }), 1, 'it is told once');

my $v = Selkies::WebSocket->new($t);

$v->send_text('_ext,{"version":"x","want":["apps"]}', 'START_VIDEO');
$v->wait_frame(key => 1);
is(told($v), undef, 'who only watches is not told');

###############################################################################
# without an agent

is(complaint($c, 'app,0'),
	'command_error,the desktop\'s agent is not running', 'no agent: said');
is(complaint($c, 'cmd,true'),
	'command_error,the desktop\'s agent is not running', 'for the shell, too');

###############################################################################
# programs

agent('-c');

is(outcome($c, 'app,0'), '', 'one of them');
ok(wait_for(sub { -e "$file, one" }, 5), 'is started');
is(outcome($c, 'app,2'), '', 'another');
ok(wait_for(sub { -e "$file.two" }, 5), 'likewise');
is(complaint($c, 'app,1'),
	'command_error,no-such-program: No such file or directory',
	'one that is not installed');
is(complaint($c, 'app,3'), 'command_error,there is no such program',
	'no such number');
is(outcome($c, "app,$_"), '', "app,$_: nothing")
	for '', '-1', '0x1', '1,2', 'Broken', '99999999999';

# the shell

is(outcome($c, "cmd,echo 'a, b' >'$file.shell'"), '', 'a command');
ok(wait_for(sub { $t->read_file('html/made.shell') eq "a, b\n" }, 5),
	'commas and all');
is(outcome($c, "cmd,: KANARIENVOGEL"), '', 'another');
unlike($t->error_log(), qr/KANARIENVOGEL|made\.shell/,
	'what it says is not logged');
like($t->error_log(), qr/client starts "Make a file"/, 'a program\'s name is');
like($t->error_log(), qr/client runs a command/, 'and that there was one');

# who only watches

unlink "$file, one";
is(outcome($v, 'app,0'), '', 'who only watches');
is(outcome($v, "cmd,touch '$file.viewer'"), '', 'starts nothing');
select undef, undef, undef, 0.3;
ok(!-e "$file, one" && !-e "$file.viewer", 'at all');
$v->close();

# an agent that hangs

kill 'STOP', $agent;
$c->{texts} = [];
$c->send_text(('app,2') x 6);
$c->round_trip();
$c->run_for(0.2);
is(join(' | ', grep { /^system/ } @{ $c->{texts} }), join(' | ',
	('system,{"action":"command_error,too much at once"}') x 2),
	'four are under way, more are refused');
unlink "$file.two";
$c->{texts} = [];
kill 'CONT', $agent;
ok(wait_for(sub { -e "$file.two" }, 5), 'they are carried out later');
$c->run_for(0.2);
is(join(' | ', grep { /^system/ } @{ $c->{texts} }), '', 'without complaint');

# a DPI goes there, too

mkdir "$dir/run/bin";

for my $name (qw/ xfce4-session xfconf-query /) {
	$t->write_file("run/bin/$name", "#!/bin/sh\necho \"\$*\" >>$file.dpi\n");
	chmod 0755, "$dir/run/bin/$name";
}

is(outcome($c, 's,144'), '', 'a DPI');
ok(wait_for(sub { $t->read_file('html/made.dpi') =~ m!/Xft/DPI -s 144 ! }, 5),
	'reaches the desktop\'s own settings');
$c->close();

###############################################################################
# places with less

$c = controller('/quiet/websockets');
is_deeply(told($c), [ { id => '0', name => 'Touch' } ],
	'programs without the shell');
is_deeply(setting($c)->{value}, JSON::PP::false, 'which is off');
is(complaint($c, "cmd,touch $file.quiet"), 'command_error,commands are off',
	'said');
is(outcome($c, 'app,0'), '', 'the program');
ok(wait_for(sub { -e "$file.quiet" }, 5), 'is started');
$c->close();
unlink "$file.quiet";

# no login: what is typed by anybody reaches no shell

$c = controller('/open/websockets');
is_deeply(setting($c), { value => JSON::PP::false, locked => JSON::PP::true },
	'no login, no shell');
is(complaint($c, "cmd,touch $file.quiet"), 'command_error,commands are off',
	'whatever the operator says');
is(outcome($c, 'app,0'), '', 'programs he has declared stay');
ok(wait_for(sub { -e "$file.open" }, 5), 'and start');
ok(!-e "$file.quiet", 'alone');
$c->close();

$c = controller('/none/websockets');
ok(!(grep { $_ eq 'apps' } @{ have($c) }), 'no agent, no programs');
is(told($c), undef, 'none are offered');
is_deeply(setting($c)->{value}, JSON::PP::false, 'nor the shell');
$c->close();

# a stock page of dialect 1 is not told what it does not know

$c = controller('/websockets', plain => 1);
is(told($c), undef, 'a stock page is offered none');
is(outcome($c, 'app,1'), '', 'and not told of errors');
$c->close();

# one of dialect 2 is

$c = Selkies::WebSocket->new($t, path => '/api/websockets');
$c->send_text('SETTINGS,{"displayId":"primary","initialClientWidth":800,'
	. '"initialClientHeight":600}');
is(outcome($c, 'cmd,true'), '', 'dialect 2: a command');
is(complaint($c, 'app,1'),
	'command_error,no-such-program: No such file or directory',
	'dialect 2 knows the error');
$c->close();

# an agent that does not take commands, whatever the module says

kill 'TERM', $agent;
$t->reap($agent, 5);
agent();
$c = controller('/websockets');
is(complaint($c, "cmd,touch $file.quiet"), 'command_error,commands are off',
	'an agent without -c');

SKIP: {
	skip 'not root', 2 if $> != 0;

	my $s = controller('/stranger/websockets');

	is(complaint($s, 'app,0'),
		'command_error,the desktop\'s agent is not running',
		'an agent of another user is not told anything');
	ok(!-e "$file.stranger", 'nor does it start anything');
	$s->close();
	$c = controller('/websockets');
}

# a client that leaves, and a worker that ends, with a request under way

kill 'STOP', $agent;
$c->send_text('app,0', 'cmd,true');
$c->round_trip();
$c->drop();
$c = controller('/websockets');
$c->send_text('app,0');
$c->round_trip();
$t->reload();
ok($c->wait_close(5), 'a reload closes the socket');
ok($t->reloaded(), 'and does not wait for the agent');
kill 'CONT', $agent;

###############################################################################
# directives

for my $row (
	[ 'selkies_agent_socket run/agent;', qr/invalid path "run\/agent"/ ],
	[ 'selkies_agent_socket /' . 'x' x 120 . ';', qr/less than 108 bytes/ ],
	[ 'selkies_agent_socket /a no-such-user;', qr/no user "no-such-user"/ ],
	[ 'selkies_agent_socket /a; selkies_agent_socket /b;', qr/is duplicate/ ],
	[ 'selkies_app Name;', qr/invalid number of arguments/ ],
	[ 'selkies_app "" x;', qr/needs a name/ ],
	[ 'selkies_app ' . 'n' x 65 . ' x;', qr/needs a name of up to 64/ ],
	[ 'selkies_app n "";', qr/and a program/ ],
	[ 'selkies_app n ' . 'x ' x 65 . ';', qr/with 64 arguments/ ],
	[ 'selkies_app n x; ' x 65, qr/at most 64 of them/ ])
{
	my ($line, $why) = @$row;

	$t->simple(location => $line);

	my ($good, $said) = $t->test_conf();

	ok(!$good, substr $line, 0, 40);
	like($said, $why, 'it says why');
}

$t->done();
